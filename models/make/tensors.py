"""Trains the ONNX models that ship and writes them with the inputs that calibration and tests use.

    apt-get install python3-torch
    python3 tensors.py --out ..        a few minutes on one core

plumbline-shapes     a convolutional network that names the shape in a 32 x 32 picture: fp32, a smaller one that passes for it, and the
                     same network quantized to int8 (QuantizeLinear and DequantizeLinear around every product)
plumbline-sentences  a transformer layer that embeds sentences of the stories in `stories.py`: those of one story lie close together

Pictures and sentences are generated from seeds; the last bits of the weights depend on the machine's float kernels.
"""

import argparse
import json
import math
import os
import random
import re
import shutil

import numpy as np
import torch
import torch.nn.functional as F

import stories
from train import SPLIT, Tokenizer, byte_alphabet

CLASSES = ["circle", "square", "triangle", "cross", "ring", "bar"]
SIDE = 32
VECTOR = 64
LONGEST = 48


def picture(r):
    """A shape of random place, size, turn and greys on a noisy ground; the label is its index in CLASSES."""
    label = r.integers(len(CLASSES))
    cx, cy = r.uniform(11, 21, 2)
    size, turn = r.uniform(6, 10), r.uniform(0, 2 * math.pi)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64) + 0.5
    u = ((x - cx) * math.cos(turn) + (y - cy) * math.sin(turn)) / size
    v = (-(x - cx) * math.sin(turn) + (y - cy) * math.cos(turn)) / size
    rho = np.hypot(u, v)
    square = np.maximum(abs(u), abs(v))
    distance = [
        rho - 0.9,
        square - 0.8,
        np.maximum(-v - 0.5, np.maximum(0.866 * u + 0.5 * v, -0.866 * u + 0.5 * v) - 0.5),
        np.minimum(np.maximum(abs(u) - 0.25, abs(v) - 0.9), np.maximum(abs(v) - 0.25, abs(u) - 0.9)),
        abs(rho - 0.75) - 0.18,
        np.maximum(abs(u) - 0.9, abs(v) - 0.25),
    ][label]
    ground, ink = r.uniform(0, 0.35), r.uniform(0.6, 1)
    if r.random() < 0.5:
        ground, ink = 1 - ground, 1 - ink
    cover = np.clip(0.5 - distance * size, 0, 1)
    image = ground + (ink - ground) * cover + r.normal(0, 0.06, (SIDE, SIDE))
    return np.clip(np.round(image * 255), 0, 255).astype(np.float32) / 255, label


def pictures(seed, count):
    r = np.random.default_rng(seed)
    drawn = [picture(r) for _ in range(count)]
    return torch.tensor(np.stack([p for p, _ in drawn])[:, None]), torch.tensor([l for _, l in drawn])


class Shapes(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.convs = torch.nn.ModuleList([
            torch.nn.Conv2d(1, width, 3, padding=1), torch.nn.Conv2d(width, 2 * width, 3, padding=1),
            torch.nn.Conv2d(2 * width, 2 * width, 3, padding=1)])
        self.head = torch.nn.Linear(2 * width * 16, len(CLASSES))

    def forward(self, image):
        h = image
        for conv in self.convs:
            h = F.max_pool2d(F.relu(conv(h)), 2)
        return self.head(h.flatten(1))


class Quantized(torch.nn.Module):
    """The network with int8 weights and activations, zero points of zero: what TensorRT and ONNX Runtime run in integers."""

    def __init__(self, model, images):
        super().__init__()
        self.model = model
        self.scales, h = [float(images.abs().max()) / 127], images
        for conv in model.convs:
            h = F.max_pool2d(F.relu(conv(h)), 2)
            self.scales.append(float(torch.quantile(h.flatten()[:: 7], 0.9995)) / 127)
        for layer in list(model.convs) + [model.head]:
            w = layer.weight.detach()
            scale = w.abs().flatten(1).max(1).values / 127
            layer.register_buffer("scale", scale)
            layer.register_buffer("zero", torch.zeros(len(scale), dtype=torch.int32))

    def weight(self, layer):
        return torch.fake_quantize_per_channel_affine(layer.weight, layer.scale, layer.zero, 0, -128, 127)

    def forward(self, image):
        act = lambda h, i: torch.fake_quantize_per_tensor_affine(h, self.scales[i], 0, -128, 127)
        h = act(image, 0)
        for i, conv in enumerate(self.model.convs):
            h = act(F.max_pool2d(F.relu(F.conv2d(h, self.weight(conv), conv.bias, padding=1)), 2), i + 1)
        return F.linear(h.flatten(1), self.weight(self.model.head), self.model.head.bias)


def fit(what, model, rate, peak, steps, loss_of):
    """Trains by what loss_of gives for each step, and says now and then how far it is."""
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps)
    for step in range(steps):
        loss = loss_of(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{what}: step {step} of {steps}, loss {loss.item():.4f}", flush=True)
    return model.eval()


def train_shapes(width, steps, data, labels):
    torch.manual_seed(7)
    order = torch.Generator().manual_seed(8)

    def loss_of(model):
        rows = torch.randint(len(data), (64,), generator=order)
        return F.cross_entropy(model(data[rows]), labels[rows])

    return fit(f"shapes {width}", Shapes(width), 3e-3, 6e-3, steps, loss_of)


def right(model, data, labels):
    with torch.no_grad():
        return (model(data).argmax(1) == labels).float().mean().item()


class Sentences(torch.nn.Module):
    """Token and place embeddings, one layer of four heads, the mean over a sentence's tokens, of length 1."""

    def __init__(self, vocab):
        super().__init__()
        self.tokens = torch.nn.Embedding(vocab, VECTOR)
        self.q, self.k, self.v, self.o = (torch.nn.Linear(VECTOR, VECTOR) for _ in range(4))
        self.up, self.down = torch.nn.Linear(VECTOR, 2 * VECTOR), torch.nn.Linear(2 * VECTOR, VECTOR)
        self.norm, self.last = torch.nn.LayerNorm(VECTOR), torch.nn.LayerNorm(VECTOR)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask.to(torch.float32)
        h = self.tokens(input_ids)
        x = self.norm(h)
        heads = lambda y: y.reshape(y.shape[0], y.shape[1], 4, VECTOR // 4).transpose(1, 2)
        q, k, v = heads(self.q(x)), heads(self.k(x)), heads(self.v(x))
        scores = q @ k.transpose(2, 3) / math.sqrt(VECTOR // 4) + (1 - mask[:, None, None, :]) * -1e4
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(h.shape[0], h.shape[1], VECTOR)
        h = h + self.o(mixed)
        h = h + self.down(F.relu(self.up(self.last(h))))
        pooled = (h * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return pooled / pooled.pow(2).sum(1, keepdim=True).sqrt()


def shipped_tokenizer(path):
    """The language model's tokenizer, from its file."""
    with open(path, encoding="utf-8") as f:
        model = json.load(f)["model"]
    tokenizer = Tokenizer.__new__(Tokenizer)
    tokenizer.alphabet, tokenizer.vocab, tokenizer.cache = byte_alphabet(), model["vocab"], {}
    tokenizer.merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    tokenizer.rank = {p: i for i, p in enumerate(tokenizer.merges)}
    return tokenizer


def pairs(seed):
    """Endless pairs of sentences, each from one story."""
    r = random.Random(seed)
    for _, story in stories.samples(seed):
        sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s+", story) if len(s) > 20]
        if len(sentences) > 3:
            cut = r.randrange(1, len(sentences) - 1)
            yield " ".join(sentences[cut - 1:cut + 1]), " ".join(r.sample(sentences[cut + 1:] or sentences[:1], 1))


def padded(tokenizer, texts):
    ids = [tokenizer.encode(t)[:LONGEST] for t in texts]
    longest = max(map(len, ids))
    rows = torch.tensor([i + [0] * (longest - len(i)) for i in ids])
    return rows, torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in ids])


def train_sentences(tokenizer, steps):
    torch.manual_seed(9)
    source = pairs(20260201)

    def loss_of(model):
        both = [next(source) for _ in range(64)]
        one, other = model(*padded(tokenizer, [a for a, _ in both])), model(*padded(tokenizer, [b for _, b in both]))
        scores = one @ other.T * 12
        return (F.cross_entropy(scores, torch.arange(64)) + F.cross_entropy(scores.T, torch.arange(64))) / 2

    return fit("sentences", Sentences(len(tokenizer.vocab)), 2e-3, 4e-3, steps, loss_of)


def found(model, tokenizer):
    """How often a sentence's nearest among 64 is the one of its own story."""
    source, hits = pairs(20260202), 0
    with torch.no_grad():
        for _ in range(16):
            both = [next(source) for _ in range(64)]
            scores = model(*padded(tokenizer, [a for a, _ in both])) @ model(*padded(tokenizer, [b for _, b in both])).T
            hits += (scores.argmax(1) == torch.arange(64)).sum().item()
    return hits / 1024


def export(model, arguments, path, inputs, output, axes, opset=17):
    torch.onnx.export(model, arguments, path, input_names=inputs, output_names=[output], dynamic_axes=axes, opset_version=opset,
                      do_constant_folding=False)


def tensor(name, datatype, array):
    flat = array.flatten().tolist()
    return dict(name=name, datatype=datatype, shape=list(array.shape), data=[round(x, 4) if isinstance(x, float) else x for x in flat])


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f)


SHAPES_CARD = """# plumbline-shapes

Names the shape in a 32 x 32 picture in greys: {classes}. It ships with Plumbline so that tests and
measurements of ONNX models run trained ones.

| file | | right, of 2,000 pictures it has not seen |
| --- | --- | --- |
| `shapes.onnx` | fp32, {parameters:,} parameters | {fp32:.1%} |
| `shapes-small.onnx` | fp32, {small_parameters:,} parameters: what a cheat would run in its place | {small:.1%} |
| `shapes-int8.onnx` | the first with int8 weights and activations between QuantizeLinear and DequantizeLinear | {int8:.1%} |

Input `image` FP32 [batch, 1, 32, 32], 0 to 1; output `scores` FP32 [batch, 6]. `samples.json` holds eight pictures as a request of the
Open Inference Protocol. Made by `python3 models/make/tensors.py`.
"""

SENTENCES_CARD = """# plumbline-sentences

Embeds sentences of the generated stories (`models/make/stories.py`) as vectors of 64 numbers: {parameters:,} parameters. Among 64 sentences of as
many stories the nearest to another one of a story is of that story in {found:.0%} of cases; by chance it were 2 %.

Inputs `input_ids` and `attention_mask` INT64 [batch, sequence]; output `sentence_embedding` FP32 [batch, 64], of length 1. The tokenizer is
plumbline-stories-2m's. `samples.json` holds a request of the Open Inference Protocol. Made by `python3 models/make/tensors.py`.
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="..")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    torch.set_num_threads(1)

    folder = os.path.join(options.out, "plumbline-shapes")
    os.makedirs(folder, exist_ok=True)
    data, labels = pictures(20260101, 12000)
    fresh, answers = pictures(20260102, 2000)
    size = lambda m: sum(p.numel() for p in m.parameters())
    big, small = train_shapes(12, options.steps, data, labels), train_shapes(4, options.steps, data, labels)
    card = dict(classes=", ".join(CLASSES), parameters=size(big), small_parameters=size(small), fp32=right(big, fresh, answers),
                small=right(small, fresh, answers))
    axes = dict(image={0: "batch"}, scores={0: "batch"})
    export(big, fresh[:2], os.path.join(folder, "shapes.onnx"), ["image"], "scores", axes)
    export(small, fresh[:2], os.path.join(folder, "shapes-small.onnx"), ["image"], "scores", axes)
    with torch.no_grad():
        quantized = Quantized(big, data[:512]).eval()
        card["int8"] = right(quantized, fresh, answers)
    export(quantized, fresh[:2], os.path.join(folder, "shapes-int8.onnx"), ["image"], "scores", axes)
    write_json(os.path.join(folder, "samples.json"), dict(inputs=[tensor("image", "FP32", fresh[:8])]))
    with open(os.path.join(folder, "README.md"), "w") as f:
        f.write(SHAPES_CARD.format(**card))

    folder = os.path.join(options.out, "plumbline-sentences")
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(options.out, "plumbline-stories-2m", "tokenizer.json")
    tokenizer = shipped_tokenizer(source)
    model = train_sentences(tokenizer, options.steps)
    ids, mask = padded(tokenizer, ["Tom the bear lost his red kite on the hill.", "The wind was strong."])
    axes = dict(input_ids={0: "batch", 1: "sequence"}, attention_mask={0: "batch", 1: "sequence"}, sentence_embedding={0: "batch"})
    export(model, (ids, mask), os.path.join(folder, "model.onnx"), ["input_ids", "attention_mask"], "sentence_embedding", axes)
    shutil.copyfile(source, os.path.join(folder, "tokenizer.json"))
    write_json(os.path.join(folder, "samples.json"), dict(inputs=[tensor("input_ids", "INT64", ids), tensor("attention_mask", "INT64", mask)]))
    with open(os.path.join(folder, "README.md"), "w") as f:
        f.write(SENTENCES_CARD.format(parameters=size(model), found=found(model, tokenizer)))


if __name__ == "__main__":
    main()
