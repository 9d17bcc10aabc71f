"""Events in over HTTP: who may send what, a verdict for each event, and an acknowledgement only for what is safe."""
