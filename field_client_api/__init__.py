"""What a crew's phone may do: an application and trust zone of its own.

Not here: any rule (`server`), the phone's screens (`pwa/`).
"""
