"""The peer of benches/recall.rs: the same vectors in Chroma (HNSW in memory, cosine, as it comes).

Usage: recall.py FOLDER WIDTH. FOLDER holds vectors.f32 and asked.f32 (rows of WIDTH little-endian floats) and exact.u32
(ten row numbers a question). Prints {"recall": share, "p50_ms": milliseconds}.
"""

import json
import pathlib
import sys
import time

import chromadb
import numpy as np

BATCH = 5_000


def main():
    folder, width = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    vectors = np.fromfile(folder / "vectors.f32", np.float32).reshape(-1, width)
    asked = np.fromfile(folder / "asked.f32", np.float32).reshape(-1, width)
    exact = np.fromfile(folder / "exact.u32", np.uint32).reshape(-1, 10)
    client = chromadb.EphemeralClient()
    table = client.create_collection("passages", configuration={"hnsw": {"space": "cosine"}})
    for start in range(0, len(vectors), BATCH):
        rows = range(start, min(start + BATCH, len(vectors)))
        table.add(ids=[str(row) for row in rows], embeddings=vectors[start : rows.stop])
    hits, spent = 0, []
    for at, (question, nearest) in enumerate(zip(asked, exact)):
        started = time.perf_counter()
        found = table.query(query_embeddings=question[None], n_results=10, include=[])["ids"][0]
        if at >= 20:
            spent.append(time.perf_counter() - started)
        hits += len({int(row) for row in found} & set(nearest.tolist()))
    print(json.dumps({"recall": hits / exact.size, "p50_ms": float(np.median(spent)) * 1000}))


main()
