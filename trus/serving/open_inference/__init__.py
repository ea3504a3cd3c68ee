"""The Open Inference Protocol v2: its documents, bodies and errors."""
