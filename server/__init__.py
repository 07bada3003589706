"""The dispatch server: one folder per noun, low to high; a folder uses only folders below it.

Not here: geometry and roads (`geo`), what a phone may do (`field_client_api`), set-up (`infra`).
"""
