"""The one-machine stack: embedded services, every process under one supervisor, and the demo."""
