"""Bits of security of Gazelle's ring-LWE sets against the primal lattice attack, from the published
formulas. Python 3.9 or newer, no packages: python3 docs/parameters.py

The secret is uniform in {-1, 0, 1}, errors are centred binomial of variance 10.5. The ring is taken
as plain LWE. docs/parameters.md says what this is and what it is not.
"""

from math import e, inf, log, log2, pi, sqrt

SIGMA_SECRET = sqrt(2 / 3)
SIGMA_ERROR = sqrt(10.5)

# Largest log2 q for 128 bits with ternary secrets: Bossuat et al., "Security Guidelines for
# Implementing Homomorphic Encryption", 2024, Table 5.2.
LIMITS = [(1024, 26), (2048, 53), (4096, 106), (8192, 214)]
# Those of protocol/src/he/parameters.rs.
SETS = [(2048, bits) for bits in (38, 41, 44, 47, 50, 53)]
SETS += [(4096, bits) for bits in (44, 47, 50, 76)] + [(8192, 76)]

# log2 of the gates of a sieve in dimension x is A*x + B: the fit of MATZOV, "Report on the
# Security of LWE", 2022, to the counts of Albrecht, Gheorghiu, Postlethwaite and Schanck,
# "Estimating Quantum Speedups for Lattice Sieves", ASIACRYPT 2020, classical list decoding (the
# sieve of Becker, Ducas, Gama and Laarhoven, SODA 2016).
A, B = 0.29613500308205365, 20.387885985467914


def log2_delta(beta):
    """The root Hermite factor of BKZ with blocks of beta (Chen, thesis, 2013)."""
    return (log2(pi * beta) / beta + log2(beta / (2 * pi * e))) / (2 * (beta - 1))


def margin(n, log2_q, samples, beta):
    """log2 of how much longer the last block's shortest vector is than the secret's projection.

    The condition of Alkim, Ducas, Poppelmann and Schwabe, "Post-quantum Key Exchange", USENIX
    Security 2016, section 6.3, on the embedding of Bai and Galbraith (ACISP 2014), in which the
    secret is scaled to the error's size. The attack succeeds where this is not negative.
    """
    d = n + samples + 1
    volume = samples * log2_q + n * log2(SIGMA_ERROR / SIGMA_SECRET) + log2(SIGMA_ERROR)
    return (2 * beta - d - 1) * log2_delta(beta) + volume / d - log2(SIGMA_ERROR * sqrt(beta))


def best_samples(n, log2_q, limit, beta):
    """How many of `limit` samples make the margin largest; it rises, then falls."""
    low, high = 1, limit
    while low < high:
        middle = (low + high) // 2
        rises = margin(n, log2_q, middle + 1, beta) > margin(n, log2_q, middle, beta)
        low, high = (middle + 1, high) if rises else (low, middle)
    return low


def smallest_block(n, log2_q, limit):
    """The smallest beta that succeeds with some number of samples."""
    low, high = 50, 2 * n
    while low < high:
        beta = (low + high) // 2
        fails = margin(n, log2_q, best_samples(n, log2_q, limit, beta), beta) < 0
        low, high = (beta + 1, high) if fails else (low, beta)
    return low


def log2_gates(beta, d):
    """Of BKZ: progressive sieves, fewer dimensions by Ducas (EUROCRYPT 2018), d - beta calls."""
    free = beta * log(4 / 3) / log(beta / (2 * pi * e))
    progressive = -log2(1 - 2**-A)
    return 2 * progressive + log2(max(d - beta, 1)) + A * (beta - free) + B


def attack(n, log2_q, limit):
    """The cheapest attack with at most `limit` samples: bits, beta, samples used."""
    best = (inf, 0, 0)
    first = smallest_block(n, log2_q, limit)
    for beta in range(first, first + 8):
        # Fewer samples make the lattice smaller; the fewest that still succeed are the cheapest.
        low, high = 1, best_samples(n, log2_q, limit, beta)
        while low < high:
            middle = (low + high) // 2
            fails = margin(n, log2_q, middle, beta) < 0
            low, high = (middle + 1, high) if fails else (low, middle)
        best = min(best, (log2_gates(beta, n + low + 1), beta, low))
    return best


def main():
    print("| n | log2 q | bits, m = n | bits, m = 2n | block | samples | 0.292 block |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for n, log2_q in LIMITS + SETS:
        [few, *_], [bits, beta, samples] = attack(n, log2_q, n), attack(n, log2_q, 2 * n)
        assert min(few, bits) >= 128, "a set below 128 bits"
        core = f"{0.292 * beta:.1f}"
        print(f"| {n} | {log2_q} | {few:.1f} | {bits:.1f} | {beta} | {samples} | {core} |")


if __name__ == "__main__":
    main()
