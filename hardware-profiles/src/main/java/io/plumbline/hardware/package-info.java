/** What kinds of GPUs there are and how each is used. Imports nothing of the project. */
package io.plumbline.hardware;
