"""Known answers for the negacyclic transform, by definition and with Python's integers alone.

The value at place i of the transform is the polynomial's value at psi^(2*bitrev(i)+1), psi being
x^((q-1)/2n) for the least x >= 2 that makes it a primitive 2n-th root of unity; from n = 64 on the
lowest three bits of the place and the three above them are exchanged first. Products are the
schoolbook's. Run: python3 generate.py > transforms.json
"""

import hashlib
import json

def coefficients(label, n, q):
    """Residues from SHA-256, with the edges at the first places."""
    digest = lambda i: int.from_bytes(hashlib.sha256(f"{label}/{n}/{q}/{i}".encode()).digest(), "little")
    return [q - 1, 0, 1] + [digest(i) % q for i in range(3, n)]


def is_prime(q):
    d, s = q - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for a in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if a % q == 0:
            continue
        x = pow(a, d, q)
        if x in (1, q - 1):
            continue
        for _ in range(s - 1):
            x = x * x % q
            if x == q - 1:
                break
        else:
            return False
    return True


def largest_prime(n, bits):
    q = (1 << bits) // (2 * n) * 2 * n + 1
    while q >= 1 << bits or not is_prime(q):
        q -= 2 * n
    return q


def case(n, bits):
    q = largest_prime(n, bits)
    x = 2
    while pow(pow(x, (q - 1) // (2 * n), q), n, q) != q - 1:
        x += 1
    psi = pow(x, (q - 1) // (2 * n), q)
    width = n.bit_length() - 1
    reverse = lambda i: int(format(i, f"0{width}b")[::-1], 2)
    exchange = lambda i: i if n < 64 else i & ~63 | (i & 7) << 3 | i >> 3 & 7
    a, b = coefficients("a", n, q), coefficients("b", n, q)
    transform = [
        sum(c * pow(psi, j * (2 * reverse(exchange(i)) + 1), q) for j, c in enumerate(a)) % q for i in range(n)
    ]
    product = [0] * n
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            sign = 1 if i + j < n else -1
            product[(i + j) % n] = (product[(i + j) % n] + sign * x * y) % q
    return {"n": n, "q": q, "a": a, "b": b, "transform_of_a": transform, "product": product}


CASES = [(8, 5), (8, 20), (16, 30), (32, 46), (64, 47), (64, 50), (32, 60), (32, 62), (128, 47), (128, 50), (128, 60)]
lines = ",\n".join(json.dumps(case(n, bits)) for n, bits in CASES)
print(
    '{"origin": "ntt/tests/vectors/generate.py: the definition, in Python integers",\n"cases": [\n'
    + lines
    + "\n]}"
)
