"""Speed of a Llama-shaped model in vLLM, where it is installed: random bf16 weights, its batching, kernels and graphs.

    python3 llama_speed.py SHAPE.json

SHAPE.json is that of ../pytorch/llama_speed.py. Prints a JSON object after everything that it has measured, each with
all before it: tokens a second, one reading a round. Without vLLM it prints {"absent": why} and ends well. Each case
that failed stands under "failed", and makes the exit status 1.
"""

import json
import os
import sys
import tempfile
import time

PROMPT = 32


def say(text):
    print(text, file=sys.stderr, flush=True)


def checkpoint(s, folder):
    """A config.json without weights: vLLM makes random ones."""
    longest = max([PROMPT + s["output"]] + [n + 1 for n in s["prefill"]])
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "hidden_size": s["hidden"],
        "num_hidden_layers": s["layers"],
        "num_attention_heads": s["heads"],
        "num_key_value_heads": s["kvHeads"],
        "head_dim": s["headDim"],
        "intermediate_size": s["mlp"],
        "vocab_size": s["vocab"],
        "max_position_embeddings": longest,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)
    return longest


def main():
    with open(sys.argv[1]) as f:
        s = json.load(f)
    try:
        import vllm
    except ImportError as e:
        print(json.dumps({"absent": str(e)}), flush=True)
        return 0
    out = {"vllm": vllm.__version__}

    with tempfile.TemporaryDirectory() as folder:
        longest = checkpoint(s, folder)
        llm = vllm.LLM(
            model=folder,
            load_format="dummy",
            skip_tokenizer_init=True,
            dtype="bfloat16",
            max_model_len=longest,
            max_num_seqs=max(s["decode"]),
            # A prompt that was run before would cost nothing.
            enable_prefix_caching=False,
        )

        def seconds(batch, prompt, output):
            prompts = [{"prompt_token_ids": [(7 * i + j) % s["vocab"] for j in range(prompt)]} for i in range(batch)]
            rule = vllm.SamplingParams(temperature=0, max_tokens=output, ignore_eos=True, detokenize=False)
            begin = time.perf_counter()
            llm.generate(prompts, rule, use_tqdm=False)
            return time.perf_counter() - begin

        def decode(batch):
            """What the prompt and the first token cost is taken off."""
            readings = []
            for r in range(s["rounds"] + 2):
                first = seconds(batch, PROMPT, 1)
                whole = seconds(batch, PROMPT, s["output"])
                if r >= 2:
                    readings.append(batch * (s["output"] - 1) / (whole - first))
            return readings

        def prefill(prompt):
            return [prompt / seconds(1, prompt, 1) for _ in range(s["rounds"] + 2)][2:]

        cases = [(f"decode{n}", decode, n) for n in s["decode"]] + [(f"prefill{n}", prefill, n) for n in s["prefill"]]
        for what, measure, n in cases:
            try:
                out[what] = measure(n)
                say(f"vLLM: {what}: {sorted(out[what])[s['rounds'] // 2]:.0f} tokens/s")
            except Exception as e:
                out.setdefault("failed", {})[what] = f"{type(e).__name__}: {e}"[:500]
                say(f"vLLM: {what} failed: {out['failed'][what]}")
            print(json.dumps(out), flush=True)
    return 1 if "failed" in out else 0


if __name__ == "__main__":
    sys.exit(main())
