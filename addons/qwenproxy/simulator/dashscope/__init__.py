"""The native face: DashScope's own protocol, for text and for multimodal generation (qwen-wire C)."""
