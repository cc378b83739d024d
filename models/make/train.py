"""Trains the model that ships and writes it as an ordinary Hugging Face directory.

    apt-get install python3-torch
    python3 train.py --out ../plumbline-stories-2m        about half an hour on one core

Seeded throughout: the text, the tokenizer and the initial weights are the same on every run; the last bits of the weights
depend on the machine's float kernels. The weights are stored in bfloat16 and the loss in the card is measured after that
rounding, on stories the training never saw.
"""

import argparse
import collections
import json
import math
import os
import re
import struct
import sys
import time

import torch
import torch.nn.functional as F

import stories

SPECIAL = ["<|user|>", "<|assistant|>", "<|end|>"]
CONFIG = dict(vocab_size=768, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0)
TRAIN_SEED, HELD_OUT_SEED, WEIGHT_SEED = 20260101, 20260102, 7
# The GPT-2 split, without its Unicode classes: the text is ASCII, and Hugging Face's ByteLevel splits ASCII the same way.
SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def byte_alphabet():
    """GPT-2's printable stand-in for every byte value."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {}, 0
    for b in range(256):
        if b in keep:
            table[b] = chr(b)
        else:
            table[b] = chr(256 + extra)
            extra += 1
    return table


class Tokenizer:
    """Byte-level BPE, trained by counting pairs; ties go to the pair that sorts first."""

    def __init__(self, texts, size):
        alphabet = byte_alphabet()
        self.alphabet = alphabet
        words = collections.Counter()
        for text in texts:
            words.update(SPLIT.findall(text))
        split = {w: [alphabet[b] for b in w.encode()] for w in words}
        self.vocab = {s: i for i, s in enumerate(SPECIAL)}
        for b in range(256):
            self.vocab[alphabet[b]] = len(self.vocab)
        self.merges = []
        while len(self.vocab) < size:
            pairs = collections.Counter()
            for w, n in words.items():
                for pair in zip(split[w], split[w][1:]):
                    pairs[pair] += n
            best = min(pairs, key=lambda p: (-pairs[p], p))
            self.merges.append(best)
            self.vocab[best[0] + best[1]] = len(self.vocab)
            for w in words:
                split[w] = merge(split[w], best)
        self.rank = {p: i for i, p in enumerate(self.merges)}
        self.cache = {}

    def encode(self, text):
        ids = []
        for word in SPLIT.findall(text):
            if word not in self.cache:
                parts = [self.alphabet[b] for b in word.encode()]
                while len(parts) > 1:
                    best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                    if best not in self.rank:
                        break
                    parts = merge(parts, best)
                self.cache[word] = [self.vocab[p] for p in parts]
            ids += self.cache[word]
        return ids

    def chat(self, request, answer):
        v = self.vocab
        return [v["<|user|>"]] + self.encode(request) + [v["<|end|>"], v["<|assistant|>"]] + self.encode(answer) + [v["<|end|>"]]

    def write(self, path):
        added = [dict(id=self.vocab[s], content=s, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
                 for s in SPECIAL]
        byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
        model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None,
                     fuse_unk=False, byte_fallback=False, vocab=self.vocab, merges=[" ".join(m) for m in self.merges])
        with open(path, "w", encoding="utf-8") as f:
            json.dump(dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None,
                           pre_tokenizer=byte_level, post_processor=None, decoder=byte_level, model=model), f, ensure_ascii=False,
                      indent=0)


def merge(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


class Norm(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * self.weight


class Layer(torch.nn.Module):
    """One Llama layer; parameter names are the published checkpoints' names."""

    def __init__(self):
        super().__init__()
        d, f = CONFIG["hidden_size"], CONFIG["intermediate_size"]
        self.heads, self.groups = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
        self.size = d // self.heads
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.input_layernorm, self.post_attention_layernorm = Norm(d), Norm(d)
        self.self_attn = torch.nn.ModuleDict(dict(q_proj=linear(d, d), k_proj=linear(d, self.groups * self.size),
                                                  v_proj=linear(d, self.groups * self.size), o_proj=linear(d, d)))
        self.mlp = torch.nn.ModuleDict(dict(gate_proj=linear(d, f), up_proj=linear(d, f), down_proj=linear(f, d)))

    def forward(self, h, cos, sin, mask):
        b, t, d = h.shape
        x = self.input_layernorm(h)
        q = rope(self.self_attn["q_proj"](x).view(b, t, self.heads, self.size), cos, sin).transpose(1, 2)
        k = rope(self.self_attn["k_proj"](x).view(b, t, self.groups, self.size), cos, sin).transpose(1, 2)
        v = self.self_attn["v_proj"](x).view(b, t, self.groups, self.size).transpose(1, 2)
        k, v = (z.repeat_interleave(self.heads // self.groups, 1) for z in (k, v))
        scores = (q @ k.transpose(2, 3)) / math.sqrt(self.size) + mask
        out = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d)
        h = h + self.self_attn["o_proj"](out)
        x = self.post_attention_layernorm(h)
        return h + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](x)) * self.mlp["up_proj"](x))


def rope(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        d, n = CONFIG["hidden_size"], CONFIG["num_attention_heads"]
        self.embed_tokens = torch.nn.Embedding(CONFIG["vocab_size"], d)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = Norm(d)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = 0.02 / (math.sqrt(2 * len(self.layers)) if "o_proj" in name or "down_proj" in name else 1)
                torch.nn.init.normal_(p, std=scale if "embed" in name else scale * 2)
        size = d // n
        inverse = CONFIG["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angle = torch.arange(CONFIG["max_position_embeddings"], dtype=torch.float64)[:, None] * inverse
        self.register_buffer("cos", angle.cos().float()[:, None], persistent=False)
        self.register_buffer("sin", angle.sin().float()[:, None], persistent=False)

    def forward(self, ids):
        t = ids.shape[1]
        mask = torch.full((t, t), -1e9).triu(1)
        h = self.embed_tokens(ids)
        for layer in self.layers:
            h = layer(h, self.cos[:t], self.sin[:t], mask)
        return self.norm(h) @ self.embed_tokens.weight.T


def stream(tokenizer, seed, length):
    """Rows of length + 1 token ids, stories packed end to end."""
    pending = []
    for request, answer in stories.samples(seed):
        pending += tokenizer.chat(request, answer)
        while len(pending) > length:
            yield pending[:length + 1]
            pending = pending[length:]


def batch(source, rows):
    block = torch.tensor([next(source) for _ in range(rows)])
    return block[:, :-1], block[:, 1:]


def loss_of(model, ids, targets):
    return F.cross_entropy(model(ids).reshape(-1, CONFIG["vocab_size"]), targets.reshape(-1))


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, t in tensors:
        size = t.numel() * 2
        header[name] = dict(dtype="BF16", shape=list(t.shape), data_offsets=[offset, offset + size])
        offset += size
    text = json.dumps(dict(__metadata__=dict(format="pt"), **header)).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, t in tensors:
            f.write(t.to(torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())


CARD = """---
license: apache-2.0
language: en
---
# plumbline-stories-2m

A Llama-architecture language model of {parameters:,} parameters that tells short stories. It ships with Plumbline so that the demo and the
tests run a real trained model; it knows nothing but its stories.

| | |
| --- | --- |
| shape | hidden {hidden_size}, layers {num_hidden_layers}, heads {num_attention_heads}, kv heads {num_key_value_heads}, mlp {intermediate_size}, vocabulary {vocab_size}, context {max_position_embeddings} |
| text | `models/make/stories.py`, seed {seed}: {tokens:,} tokens, each seen once |
| held-out loss | {loss:.4f} nats a token (perplexity {perplexity:.3f}) in bfloat16 weights, on {held:,} tokens of seed {held_seed} |
| made by | `python3 models/make/train.py`, {steps} steps, {minutes:.0f} minutes on one core |

Chat form: `<|user|>request<|end|><|assistant|>answer<|end|>`.
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--steps", type=int, default=1000)
    arguments.add_argument("--rows", type=int, default=8)
    options = arguments.parse_args()
    torch.manual_seed(WEIGHT_SEED)
    torch.set_num_threads(1)
    length = CONFIG["max_position_embeddings"]
    source = stories.samples(TRAIN_SEED)
    tokenizer = Tokenizer([" ".join(next(source)) for _ in range(20000)], CONFIG["vocab_size"])
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.05)
    peak, warm = 3e-3, 60
    source, begin = stream(tokenizer, TRAIN_SEED, length), time.time()
    for step in range(options.steps):
        rate = peak * min((step + 1) / warm, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(model, *batch(source, options.rows))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 0 or step + 1 == options.steps:
            spent = time.time() - begin
            left = spent / (step + 1) * (options.steps - step - 1)
            print(f"\rstep {step + 1}/{options.steps}  loss {loss.item():.4f}  {left / 60:.0f} min left ", end="", file=sys.stderr, flush=True)
    minutes = (time.time() - begin) / 60
    for p in model.parameters():
        p.data = p.data.to(torch.bfloat16).float()
    held = stream(tokenizer, HELD_OUT_SEED, length)
    with torch.no_grad():
        loss = sum(loss_of(model, *batch(held, options.rows)).item() for _ in range(10)) / 10
    os.makedirs(options.out, exist_ok=True)
    at = lambda name: os.path.join(options.out, name)
    tensors = [("model." + n, p.data) for n, p in model.named_parameters()]
    write_safetensors(at("model.safetensors"), tensors)
    tokenizer.write(at("tokenizer.json"))
    end = tokenizer.vocab["<|end|>"]
    with open(at("config.json"), "w") as f:
        json.dump(dict(architectures=["LlamaForCausalLM"], model_type="llama", **CONFIG, rope_scaling=None, hidden_act="silu",
                       tie_word_embeddings=True, attention_bias=False, bos_token_id=None, eos_token_id=end,
                       torch_dtype="bfloat16"), f, indent=2)
    template = ("{% for message in messages %}{% if message['role'] != 'system' %}{{ '<|' + message['role'] + '|>' + message['content'] + "
                "'<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
    with open(at("tokenizer_config.json"), "w") as f:
        json.dump(dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="<|end|>", model_max_length=length, chat_template=template,
                       clean_up_tokenization_spaces=False), f, indent=2)
    with open(at("README.md"), "w") as f:
        f.write(CARD.format(parameters=sum(p.numel() for p in model.parameters()), **CONFIG, seed=TRAIN_SEED,
                            tokens=options.steps * options.rows * length, loss=loss, perplexity=math.exp(loss),
                            held=10 * options.rows * length, held_seed=HELD_OUT_SEED, steps=options.steps, minutes=minutes))
    print(f"\nheld-out loss {loss:.4f}; written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
