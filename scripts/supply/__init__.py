"""What the software is made of: the lock, an offline bundle of it, a bill of materials. No part of a study's run."""
