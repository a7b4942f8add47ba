"""What is watched while requests flow: drains, targets that move, uploads that trickle."""
