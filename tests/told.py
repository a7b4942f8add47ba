"""What a run tells at its end, so that one which tried nothing cannot pass unseen."""

COMBINATIONS: dict[str, int] = {}  # by scenario, how many combinations of faults it went through
PROXIES: dict[str, str] = {}  # by the proxy's image: empty, or why it could not be had


def lines():
    if COMBINATIONS:
        yield f"tests/flows: {sum(COMBINATIONS.values())} fault combinations in {len(COMBINATIONS)} scenarios"
    for image, why_not in PROXIES.items():
        yield f"PROXY IMAGE {image}: {f'NOT TESTED, {why_not}' if why_not else 'tested'}"
