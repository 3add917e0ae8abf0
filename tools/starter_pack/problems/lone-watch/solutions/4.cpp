// Each watchman's minutes, from which all stretches of the others are cut out.
#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<std::pair<int, int>> watches(n);
    for (auto& watch : watches) std::cin >> watch.first >> watch.second;
    int alone = 0;
    for (int i = 0; i < n; i++) {
        std::vector<std::pair<int, int>> others;
        for (int j = 0; j < n; j++) {
            if (j != i) others.push_back(watches[j]);
        }
        std::sort(others.begin(), others.end());
        int at = watches[i].first;
        for (auto [start, end] : others) {
            if (start > at) alone += std::max(0, std::min(start, watches[i].second) - at);
            at = std::max(at, end);
        }
        alone += std::max(0, watches[i].second - at);
    }
    std::cout << alone << "\n";
}
