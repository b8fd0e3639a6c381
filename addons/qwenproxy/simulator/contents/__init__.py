"""The face of generateContent: Google's format, as servers speak it that have Qwen behind (qwen-wire E)."""
