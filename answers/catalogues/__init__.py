"""The sentences of answers, a file a language: TOML, so that a translator can edit them."""
