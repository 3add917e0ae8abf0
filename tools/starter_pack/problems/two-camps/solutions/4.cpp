// Every scout points to a leader and knows whether they sleep apart; groups merge, small to large.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<int> leader(n);
    std::vector<bool> apart(n, false);
    std::vector<std::vector<int>> group(n);
    for (int i = 0; i < n; i++) {
        leader[i] = i;
        group[i] = {i};
    }
    bool possible = true;
    for (int i = 0; i < m; i++) {
        int x, y;
        std::cin >> x >> y;
        x--, y--;
        int into = leader[x], from = leader[y];
        bool flip = apart[x] == apart[y];
        if (into == from) {
            if (flip) possible = false;
            continue;
        }
        if (group[into].size() < group[from].size()) std::swap(into, from);
        for (int scout : group[from]) {
            leader[scout] = into;
            apart[scout] = apart[scout] != flip;
            group[into].push_back(scout);
        }
        group[from].clear();
    }
    if (!possible) {
        std::cout << "impossible\n";
        return 0;
    }
    std::vector<int> first(n, -1);
    std::string plan;
    for (int i = 0; i < n; i++) {
        if (first[leader[i]] < 0) first[leader[i]] = i;
        plan += apart[i] == apart[first[leader[i]]] ? 'A' : 'B';
    }
    std::cout << plan << "\n";
}
