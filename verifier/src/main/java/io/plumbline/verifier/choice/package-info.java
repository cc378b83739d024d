/**
 * Which token follows: the request's rule over logits, tokens so far and grammar, by which engines choose and auditors
 * check. Entry: {@link io.plumbline.verifier.choice.ChoiceRule}. Imports receipts and grammars.
 */
package io.plumbline.verifier.choice;
