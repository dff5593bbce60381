"""The peer of benches/encoder.rs: the same BERT by ONNX Runtime in fp32, over the same batches of tokens.

Usage: encoder.py MODEL_FOLDER THREADS. Reads requests from standard input, one JSON object a line: {"batches": [[[id, ...],
...], ...], "seconds": s}; answers each with {"rate": sequences a second} once the batches have been run over and over
for s seconds, and {"vector": [...]}, the vector of the first sequence. The graph is built from the safetensors file.
"""

import json
import pathlib
import struct
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def weights(path):
    """The float tensors of a safetensors file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            data = np.frombuffer(content[8 + length + begin : 8 + length + end], np.float32)
            tensors[name.removeprefix("bert.")] = data.reshape(entry["shape"])
    return tensors


class Graph:
    """Builds the network as the usual exporters do; attention by plain operators, for ONNX Runtime to fuse."""

    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = weights(folder / "model.safetensors")
        self.nodes, self.constants = [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def op(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def linear(self, x, name, output):
        product = self.op("MatMul", [x, self.constant(name + ".turned", self.weights[name + ".weight"].T)], output + ".product")
        return self.op("Add", [product, self.weight(name + ".bias")], output)

    def norm(self, x, name, output):
        inputs = [x, self.weight(name + ".weight"), self.weight(name + ".bias")]
        return self.op("LayerNormalization", inputs, output, axis=-1, epsilon=self.config["layer_norm_eps"])

    def layer(self, x, at):
        name = f"encoder.layer.{at}."
        width, heads = self.config["hidden_size"], self.config["num_attention_heads"]
        split = self.constant(name + "split", np.array([0, 0, heads, width // heads], np.int64))
        whole = self.constant(name + "whole", np.array([0, 0, width], np.int64))
        scale = self.constant(name + "scale", np.float32(1 / np.sqrt(width // heads)))

        def part(of, order):
            rows = self.linear(x, f"{name}attention.self.{of}", name + of)
            return self.op("Transpose", [self.op("Reshape", [rows, split], name + of + "s")], name + of + "t", perm=order)

        query, key, value = part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1]), part("value", [0, 2, 1, 3])
        scores = self.op("Mul", [self.op("MatMul", [query, key], name + "qk"), scale], name + "scores")
        shares = self.op("Softmax", [self.op("Add", [scores, "mask"], name + "masked")], name + "shares", axis=-1)
        mixed = self.op("Transpose", [self.op("MatMul", [shares, value], name + "mixed")], name + "turned", perm=[0, 2, 1, 3])
        mixed = self.op("Reshape", [mixed, whole], name + "joined")
        out = self.linear(mixed, name + "attention.output.dense", name + "out")
        x = self.norm(self.op("Add", [x, out], name + "sum"), name + "attention.output.LayerNorm", name + "attended")
        inner = self.op("Gelu", [self.linear(x, name + "intermediate.dense", name + "inner")], name + "gelu")
        fed = self.linear(inner, name + "output.dense", name + "fed")
        return self.norm(self.op("Add", [x, fed], name + "sum2"), name + "output.LayerNorm", name + "output")

    def model(self):
        x = self.op("Gather", [self.weight("embeddings.word_embeddings.weight"), "ids"], "words")
        kind = self.constant("kind", self.weights["embeddings.token_type_embeddings.weight"][0])
        zero = self.constant("zero", np.array([0], np.int64))
        length = self.op("Shape", ["ids"], "length", start=1, end=2)
        table = self.weight("embeddings.position_embeddings.weight")
        places = self.op("Slice", [table, zero, length, zero], "places")
        x = self.op("Add", [self.op("Add", [x, kind], "with kind"), places], "with places")
        x = self.norm(x, "embeddings.LayerNorm", "embedded")
        for at in range(self.config["num_hidden_layers"]):
            x = self.layer(x, at)
        self.op("Identity", [x], "states")
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", 1, 1, "tokens"]),
        ]
        outputs = [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["texts", "tokens", self.config["hidden_size"]])]
        graph = helper.make_graph(self.nodes, "bert", inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def padded(batch):
    width = max(len(ids) for ids in batch)
    ids = np.zeros((len(batch), width), np.int64)
    there = np.zeros((len(batch), width), np.float32)
    for row, sequence in enumerate(batch):
        ids[row, : len(sequence)] = sequence
        there[row, : len(sequence)] = 1
    return ids, there


def main():
    folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = Graph(folder).model().SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(batch):
        ids, there = padded(batch)
        mask = ((there - 1) * 1e9)[:, None, None, :]
        (states,) = session.run(None, {"ids": ids, "mask": mask})
        vectors = (states * there[:, :, None]).sum(1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    print(json.dumps({"version": onnxruntime.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        vector = run(request["batches"][0])[0].tolist()
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < request["seconds"]:
            for batch in request["batches"]:
                run(batch)
                done += len(batch)
        rate = done / (time.perf_counter() - started)
        print(json.dumps({"rate": rate, "vector": vector}), flush=True)


main()
