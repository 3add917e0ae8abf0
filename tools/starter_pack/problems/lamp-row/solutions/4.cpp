// Lamp by lamp from the left: write down how one lamp looks after every round, then the next one.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n, m;
    std::string lamps;
    std::cin >> n >> m >> lamps;
    std::vector<bool> left(m + 1, false), own(m + 1);
    for (int i = 0; i < n; ++i) {
        own[0] = lamps[i] == 'b';
        for (int round = 1; round <= m; ++round) own[round] = own[round - 1] != left[round - 1];
        std::cout << (own[m] ? 'b' : 'd');
        left = own;
    }
    std::cout << "\n";
}
