"""What the app called, translated to and from the neutral core: OpenAI's chat completion."""
