"""SQL of people and of rules, which may only read: what is permitted, the process that runs it, and its answers."""
