"""The main job from end to end, on made-up customers: what `attesa demo` shows."""
