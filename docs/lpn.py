"""Bits of security of the silent transfers' sets of learning parity with noise against the attacks
that docs/transfers.md lists. Python 3.9 or newer, no packages: python3 docs/lpn.py

An instance has K secret bits and N = t*2^d outputs; each is the sum of ten secret bits, and one
output of each of the t bins of 2^d is wrong. Costs are in operations on bits, memory is free.
"""

from math import comb, lgamma, log, log2
from random import Random

LOCALITY = 10
# Name, log2 K, t, d. The first two are those of protocol/src/ot/silent/sets.rs; the others are in use
# elsewhere and are here to show why they are not offered.
SETS = [("K17", 17, 1600, 10), ("K18", 18, 1170, 11)]
OTHERS = [("b10", 16, 850, 10), ("b11", 17, 1170, 11), ("b12", 18, 1520, 12)]


def solve(unknowns):
    """log2 of a sparse solution (Wiedemann, 1986): three products with a row's ten bits an unknown."""
    return log2(3 * LOCALITY) + 2 * log2(unknowns)


def guess(rows, t, d):
    """log2 of the trials until `rows` outputs, the same number of each bin, are all right."""
    return -t * log2(1 - rows / t / 2**d)


def gauss(m, t, d):
    """The whole system; the parities of the bins are known and save t rows."""
    rows = 2**m - t
    return guess(rows, t, d) + solve(rows)


def subsystem(m, t, d):
    """Choose beta*K columns at random and take the rows with all ten bits there, as many as columns."""
    k, n = 2**m, t * 2**d
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        beta = (low + high) / 2
        # Rows that name a column twice have eight bits, and so on.
        rows = n * (beta**10 + comb(10, 2) / k * (beta**8 - beta**10))
        low, high = (beta, high) if rows < beta * k else (low, beta)
    return high, guess(high * k, t, d) + solve(high * k)


def peeled(m, t, d, scale=4):
    """Take away the column with the fewest rows, and these, while more rows than columns are left.

    It is done on a system 2^scale times smaller with as many rows for each column: the part of the
    columns that is left does not depend on the size.
    """
    k, n = 2 ** (m - scale), t * 2**d >> scale
    rng = Random(1)
    rows = [set(rng.choices(range(k), k=LOCALITY)) for _ in range(n)]
    where = [[] for _ in range(k)]
    for i, row in enumerate(rows):
        for column in row:
            where[column].append(i)
    degree = [len(w) for w in where]
    buckets = [set() for _ in range(max(degree) + 1)]
    for column, deg in enumerate(degree):
        buckets[deg].add(column)
    here, left, least = [True] * n, n, 0
    for columns in range(k, 0, -1):
        least = max(0, least - LOCALITY)
        while not buckets[least]:
            least += 1
        if left - least < columns - 1:
            break
        column = buckets[least].pop()
        for i in where[column]:
            if not here[i]:
                continue
            here[i], left = False, left - 1
            for other in rows[i] - {column}:
                # A column that is gone has no row left.
                buckets[degree[other]].discard(other)
                degree[other] -= 1
                buckets[degree[other]].add(other)
                least = min(least, degree[other])
    beta = columns / k
    return beta, guess(beta * 2**m, t, d) + solve(beta * 2**m)


def hermite_roots(most):
    """The largest root of He_D for D = 1 to `most` (probabilists' Hermite polynomials)."""
    def value(degree, x):
        before, now = 0.0, 1.0
        for i in range(degree):
            before, now = now, x * now - i * before
        return now
    roots = []
    for degree in range(1, most + 1):
        low, high = (roots[-1] if roots else -1.0), 2 * degree**0.5 + 1
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if value(degree, middle) < 0 else (low, middle)
        roots.append(high)
    return roots


def algebraic(m, t, d, most=12):
    """Guess f right outputs, then a linearisation of degree D (Briaud and Oygarden, "A New Algebraic
    Approach to the Regular Syndrome Decoding Problem", EUROCRYPT 2023), with Wiedemann.

    The system is solved at the degree where (1 + (2^d - 1)z)^t / (1 + z)^(N-K) has its first coefficient
    that is not positive. For large sizes coefficient D is He_D(x) up to a positive factor, with
    x = (K - f)/sqrt(N*2^d), so x must be below the largest root of He_D.
    """
    k, n = 2**m, t * 2**d
    best = (float("inf"), 0, 0)
    for degree, root in enumerate(hermite_roots(most), 1):
        f = max(0, k - int(root * (n * 2**d) ** 0.5))
        unknowns = k - f - t
        if unknowns <= degree:
            continue
        monomials = (lgamma(unknowns + 1) - lgamma(degree + 1) - lgamma(unknowns - degree + 1)) / log(2)
        cost = guess(f, t, d) + 2 * monomials + log2(3 * LOCALITY)
        best = min(best, (cost, degree, f))
    return best


def main():
    print("set      log2 K     t    d   Gauss   sub-system     peeled      algebraic (degree)   least")
    for sets, least_allowed in ((SETS, 128), (OTHERS, 0)):
        for name, m, t, d in sets:
            whole = gauss(m, t, d)
            (beta, some), (core, few) = subsystem(m, t, d), peeled(m, t, d)
            (equations, degree, _) = algebraic(m, t, d)
            least = min(whole, some, few, equations)
            print(f"{name:8} {m:6} {t:5} {d:4} {whole:7.1f}  {some:6.1f} ({beta:.3f}) {few:6.1f} ({core:.3f})"
                  f" {equations:8.1f} ({degree:2})        {least:6.1f}")
            assert least >= least_allowed, name


main()
