// Put the pots on the table one after the other; for each pigment, the table knows how many pots
// have it.
#include <iostream>

int main() {
    int n;
    std::cin >> n;
    long long total = 0;
    int with[8] = {};
    for (int placed = 0; placed < n; placed++) {
        int paint;
        std::cin >> paint;
        for (int bit = 0; bit < 8; bit++) {
            bool has = paint >> bit & 1;
            total += static_cast<long long>(has ? placed - with[bit] : with[bit]) << bit;
            with[bit] += has;
        }
    }
    std::cout << total << "\n";
}
