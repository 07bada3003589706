"""Schema changes, hand-read, applied by `changming migrate` as the owning role."""
