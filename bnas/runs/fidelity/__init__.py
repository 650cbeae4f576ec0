"""What proxies are worth: architectures trained long, and what ranks them as that would."""
