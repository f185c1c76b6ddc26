"""Training of the reader: `python -m qa.training --init MODEL --data FILE … --out FOLDER`.

`examples` makes questions with and without an answer, `features` cuts them into windows and batches, `trainer` learns
and checkpoints, `report` writes down what happened, its curves with the extra `[plots]`.
"""
