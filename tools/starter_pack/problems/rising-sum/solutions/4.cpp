// Bottles from the cheapest to the dearest; a tree over their places gives the best total so far
// among the bottles offered earlier.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> worth(n), order(n), tree(n + 1, 0);
    for (int& value : worth) std::cin >> value;
    std::iota(order.begin(), order.end(), 0);
    // Among equal bottles the later one goes first, so that none is put on top of its equal.
    std::sort(order.begin(), order.end(), [&](int a, int b) {
        return worth[a] != worth[b] ? worth[a] < worth[b] : a > b;
    });
    int best = 0;
    for (int place : order) {
        int total = 0;
        for (int i = place; i > 0; i -= i & -i) total = std::max(total, tree[i]);
        total += worth[place];
        for (int i = place + 1; i <= n; i += i & -i) tree[i] = std::max(tree[i], total);
        best = std::max(best, total);
    }
    std::cout << best << "\n";
}
