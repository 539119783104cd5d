"""What plugins may import from fpframe: all that `fpframe` exports, and the names in this list."""

from __future__ import annotations

#: By module, each name with what it is for. Releases keep them as they keep what `fpframe` exports.
PROMISED: dict[str, dict[str, str]] = {
    "fpframe.parameters": {
        "number": "validator: a real number in a range",
        "whole": "validator: an integer in a range",
        "one_of": "validator: one of some words",
        "all_of": "validator: a list of some words, each at most once",
        "flag": "validator: a bool",
        "some": "validator: a sequence that is not empty",
        "epsilon_pixels": "validator: a bound on a perturbation in pixel units, in (0, 1)",
    },
    "fpframe.rng": {
        "derive_seed": "a 63-bit seed from a seed and a path of names",
        "generator": "a `torch.Generator` on the CPU, from a seed and a path of names",
        "isolated": "a block in which the global generators are seeded, restored after it; one thread at a time",
        "give_way": "inside such a block: let waiting threads go first, then go on",
        "threads": "a block that computes with a fixed number of threads",
        "Draws": "choices that a seed makes, each by a name of its own",
    },
    "fpframe.errors": {
        "nearest": "the end of an error message: `; did you mean 'x'?`, or the list of what is known",
        "ran_out_of_memory": "whether an error is that there was not enough memory",
        "first_line": "the first line of what an error says, or its type where it says nothing",
    },
    "fpframe.interfaces": {
        "Relation": "the type of what an encoder is told of a model: `victim`, `derived` or `independent`",
    },
    "fpframe.models": {
        "Outputs": "the type of what answers may be: `logits`, `probs`, ...; `auto` where they are looked at",
        "TOP1": "the channel `top1`, in which a suspect reveals labels alone",
        "Fitted": "the base of networks that are fitted at once, without gradients, such as forests",
        "image_digests": "SHA-256 of each of some 8-bit images `(N, C, H, W)`",
        "grid_steps": "a delta in pixel units, as whole steps of 1/255, truncated towards zero",
        "state_digest": "SHA-256 of a network's weights and buffers, as hexadecimal digits",
    },
    "fpframe.base": {
        "Address": "an address, `PREFIX:REST`, in its parts",
        "import_callable": "the function that `MODULE:FUNCTION` names",
        "make_converter": "reads tables of TOML into attrs classes, strictly",
        "parse_json": "the value of a JSON text that means one thing only",
        "parse_text": "the attrs object that a text of TOML describes",
        "read_text": "the text of a TOML file",
        "split_form": "an address without its form, such as `(stem=small)`, and the form",
        "with_form": "an address with another form, or without one",
        "UNCHANGED": "the form in which a library builds an architecture: `unchanged`",
    },
    "fpframe.spending": {
        "Ledger": "requests to a service, each written down before it is sent and after it is answered",
        "Pace": "how fast a service is asked, by however many threads",
        "Preview": "what a request would be, with no secret in it",
    },
    "fpframe.opening": {
        "function_query": "a function from pixels `(N, C, H, W)` to answers, as a `Query`",
        "module_query": "a network from pixels `(N, C, H, W)` to logits `(N, K)`, as a `Query`",
        "open_query": "any function from a batch to a tensor, as a `Query` with all that the request says",
        "open_device": "the torch device of a name; refuses one that is not there",
        "normaliser": "a network that subtracts the request's mean from pixels and divides them by its std",
        "with_own_classes": "the request for a model whose files name its classes, and the names for its `class_names`",
        "refuse_backbone": "refuse a backbone for a suspect that brings its own architecture",
        "SUFFIXES": "the endings of files with weights, such as `.safetensors`",
        "index_parts": "the files that a list of the parts of a model (`.index.json`) names, which lie beside it",
        "looks_like_weights": "whether a file begins like safetensors or a pickle, whatever it is called",
        "describe_weights": "what a file of weights holds, for messages; refuses what is something else",
        "existing_file": "the path of a file that exists",
        "file_digest": "SHA-256 of a file, as hexadecimal digits",
        "has_suffix": "whether an address is a file with one of some endings",
        "as_input": "pixels in [0, 1], in the element type that a program takes; 0 to 255 for uint8",
        "check_input": "refuse a program that takes other images; return its batch size where that is fixed",
        "in_chunks": "a function that asks a program exactly as many images at a time as it takes",
    },
}
