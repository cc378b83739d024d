"""Speed of a Llama-shaped model in compiled PyTorch: random bf16 weights, a static cache, CUDA graphs where there is a GPU.

    python3 llama_speed.py SHAPE.json

SHAPE.json: hidden, layers, heads, kvHeads, headDim, mlp, vocab, prefill (prompt lengths), decode (batch sizes), output (tokens), rounds.
Prints a JSON object after everything that it has measured, each with all before it: tokens a second, one reading a round, and the rates of this
device's int8 and bf16 matrix products. What failed stands under "failed", and makes the exit status 1; the rest is measured all the same.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PROMPT = 32


def fixed(tensor):
    """Stays where it is: else CUDA graphs copy it before each step, or are skipped where a step writes to it."""
    torch._dynamo.mark_static_address(tensor)
    return tensor


def matrix(rows, columns):
    return fixed(torch.randn(rows, columns, dtype=torch.bfloat16, device=DEVICE) * columns**-0.5)


class Layer:
    def __init__(self, s):
        d, q, kv = s["hidden"], s["heads"] * s["headDim"], s["kvHeads"] * s["headDim"]
        self.norm1 = fixed(torch.ones(d, dtype=torch.bfloat16, device=DEVICE))
        self.norm2 = fixed(torch.ones(d, dtype=torch.bfloat16, device=DEVICE))
        self.qkv = matrix(q + 2 * kv, d)
        self.out = matrix(d, q)
        self.gate_up = matrix(2 * s["mlp"], d)
        self.down = matrix(d, s["mlp"])


class Model:
    """Weights, and what one step computes. Caches are [layer][batch][kv head][position][channel]."""

    def __init__(self, s, batch, positions):
        self.s = s
        self.layers = [Layer(s) for _ in range(s["layers"])]
        self.embedding = matrix(s["vocab"], s["hidden"])
        self.output = matrix(s["vocab"], s["hidden"])
        self.norm = fixed(torch.ones(s["hidden"], dtype=torch.bfloat16, device=DEVICE))
        self.resize(batch, positions)

    def resize(self, batch, positions):
        s = self.s
        shape = (s["layers"], batch, s["kvHeads"], positions, s["headDim"])
        self.keys = fixed(torch.zeros(shape, dtype=torch.bfloat16, device=DEVICE))
        self.values = fixed(torch.zeros(shape, dtype=torch.bfloat16, device=DEVICE))
        half = s["headDim"] // 2
        frequency = 500000.0 ** (-torch.arange(half, dtype=torch.float32, device=DEVICE) / half)
        angle = torch.arange(positions, dtype=torch.float32, device=DEVICE)[:, None] * frequency
        self.cos, self.sin = fixed(angle.cos().to(torch.bfloat16)), fixed(angle.sin().to(torch.bfloat16))
        self.mask = fixed(torch.tril(torch.ones(positions, positions, dtype=torch.bool, device=DEVICE)))

    def rope(self, x, at):
        a, b = x.chunk(2, dim=-1)
        c, s = self.cos[at], self.sin[at]
        return torch.cat((a * c - b * s, b * c + a * s), dim=-1)

    def step(self, tokens, at, whole):
        """tokens [batch][n] at positions at [n]; whole: a prompt from position 0, which needs no cache. Returns the tokens chosen next."""
        s = self.s
        batch, n = tokens.shape
        q, kv, size = s["heads"] * s["headDim"], s["kvHeads"] * s["headDim"], s["headDim"]
        h = F.embedding(tokens, self.embedding)
        for i, layer in enumerate(self.layers):
            x = F.rms_norm(h, (s["hidden"],), layer.norm1, 1e-5)
            queries, keys, values = F.linear(x, layer.qkv).split((q, kv, kv), dim=-1)
            queries = self.rope(queries.view(batch, n, s["heads"], size).transpose(1, 2), at)
            keys = self.rope(keys.view(batch, n, s["kvHeads"], size).transpose(1, 2), at)
            values = values.view(batch, n, s["kvHeads"], size).transpose(1, 2)
            self.keys[i].index_copy_(2, at, keys)
            self.values[i].index_copy_(2, at, values)
            if whole:
                y = F.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
            else:
                y = F.scaled_dot_product_attention(
                    queries, self.keys[i], self.values[i], attn_mask=self.mask[at], enable_gqa=True
                )
            h = h + F.linear(y.transpose(1, 2).reshape(batch, n, q), layer.out)
            x = F.rms_norm(h, (s["hidden"],), layer.norm2, 1e-5)
            gate, up = F.linear(x, layer.gate_up).chunk(2, dim=-1)
            h = h + F.linear(F.silu(gate) * up, layer.down)
        last = F.rms_norm(h[:, -1], (s["hidden"],), self.norm, 1e-5)
        return F.linear(last, self.output).argmax(dim=-1)


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def say(text):
    print(text, file=sys.stderr, flush=True)


def decode(model, batch, output, rounds):
    model.resize(batch, PROMPT + output)
    step = torch.compile(lambda tokens, at: model.step(tokens, at, False), mode="reduce-overhead", fullgraph=True)
    readings = []
    places = torch.arange(PROMPT, PROMPT + output, device=DEVICE)
    for r in range(rounds + 2):
        tokens = torch.ones(batch, 1, dtype=torch.long, device=DEVICE)
        wait()
        begin = time.perf_counter()
        for t in range(output):
            # From the device, so that no step waits for the host's copy.
            at = places[t : t + 1].clone()
            tokens = step(tokens, at).clone()[:, None]
        wait()
        if r >= 2:
            readings.append(batch * output / (time.perf_counter() - begin))
    # Without graphs PyTorch waits for its own launches, and is not at its best: that is no peer.
    skipped = torch._dynamo.utils.counters["inductor"]["cudagraph_skips"]
    if skipped:
        raise RuntimeError(f"PyTorch skipped CUDA graphs {skipped} times, and measured {sorted(readings)[rounds // 2]:.0f} tokens/s without")
    return readings


def prefill(model, prompt, rounds):
    model.resize(1, prompt)
    step = torch.compile(lambda tokens, at: model.step(tokens, at, True), fullgraph=True)
    at = torch.arange(prompt, device=DEVICE)
    tokens = torch.randint(0, model.s["vocab"], (1, prompt), device=DEVICE)
    readings = []
    for r in range(rounds + 2):
        wait()
        begin = time.perf_counter()
        step(tokens, at)
        wait()
        if r >= 2:
            readings.append(prompt / (time.perf_counter() - begin))
    return readings


def matrix_rate(multiply, n):
    """Operations a second (a multiplication and an addition are two) of an n by n by n product, the best of five."""
    best = 0
    for _ in range(5):
        wait()
        begin = time.perf_counter()
        for _ in range(10):
            multiply()
        wait()
        best = max(best, 10 * 2 * n**3 / (time.perf_counter() - begin))
    return best


def rates():
    n = 8192 if DEVICE == "cuda" else 256
    a = torch.randint(-127, 128, (n, n), dtype=torch.int8, device=DEVICE)
    b = torch.randint(-127, 128, (n, n), dtype=torch.int8, device=DEVICE).t()
    x, y = a.to(torch.bfloat16), b.to(torch.bfloat16)
    return {"int8OpsPerS": matrix_rate(lambda: torch._int_mm(a, b), n), "bf16OpsPerS": matrix_rate(lambda: x @ y, n)}


def main():
    with open(sys.argv[1]) as f:
        s = json.load(f)
    out = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"}

    def attempt(what, measure):
        """One failure, such as memory that one case does not find, costs that case alone."""
        try:
            measure()
        except Exception as e:
            out.setdefault("failed", {})[what] = f"{type(e).__name__}: {e}"[:500]
            say(f"PyTorch: {what} failed: {out['failed'][what]}")
        print(json.dumps(out), flush=True)

    def measured(what, readings, text):
        out[what] = readings
        say(f"PyTorch: {text}: {sorted(readings)[s['rounds'] // 2]:.0f} tokens/s")

    with torch.no_grad():
        attempt("rates", lambda: out.update(rates()))
        say(f"PyTorch: int8 {out.get('int8OpsPerS', 0) / 1e12:.0f} TOPS, bf16 {out.get('bf16OpsPerS', 0) / 1e12:.0f} TFLOPS")
        model = Model(s, 1, PROMPT)
        # The headlines first, the smallest batch and the longest prompt: a run that is ended early has those.
        cases = [("decode", n) for n in s["decode"]] + [("prefill", n) for n in s["prefill"]]
        first = [("decode", n) for n in s["decode"][:1]] + [("prefill", n) for n in s["prefill"][-1:]]
        for kind, n in first + [case for case in cases if case not in first]:
            torch._dynamo.reset()
            torch._dynamo.utils.counters.clear()
            if kind == "decode":
                attempt(f"decode{n}", lambda: measured(f"decode{n}", decode(model, n, s["output"], s["rounds"]), f"decode at batch {n}"))
            else:
                attempt(f"prefill{n}", lambda: measured(f"prefill{n}", prefill(model, n, s["rounds"]), f"prefill of {n}"))
    sys.exit(1 if "failed" in out else 0)


main()
