// One table of exponents, filled while reading; p runs over all numbers, of which only primes divide
// what is left.
#include <iostream>

int main() {
    int n;
    std::cin >> n;
    int exponent[31] = {};
    for (int i = 0; i < n; i++) {
        int a;
        std::cin >> a;
        for (int p = 2; p <= a; p++) {
            for (; a % p == 0; a /= p) exponent[p]++;
        }
    }
    long long count = 1;
    for (int p = 2; p <= 30; p++) count = count * (exponent[p] + 1) % 997;
    std::cout << count << "\n";
}
