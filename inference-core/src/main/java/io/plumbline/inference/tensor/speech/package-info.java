/** Sound for voice activity models: windows in, stretches of speech and a picture of them out. */
package io.plumbline.inference.tensor.speech;
