// A purse of 0, 1, 2, ... coins: which towns are first reached with exactly that much paid?
#include <iostream>
#include <vector>

struct Road {
    int to, toll;
};

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<Road>> roads(n + 1);
    for (int i = 0; i < m; i++) {
        int x, y, toll;
        std::cin >> x >> y >> toll;
        roads[x].push_back({y, toll});
        roads[y].push_back({x, toll});
    }
    std::vector<std::vector<int>> reached_with(99 * n + 100);
    std::vector<bool> seen(n + 1, false);
    reached_with[0].push_back(1);
    for (int paid = 0; paid <= 99 * n; paid++) {
        for (int town : reached_with[paid]) {
            if (seen[town]) continue;
            seen[town] = true;
            if (town == n) {
                std::cout << paid << "\n";
                return 0;
            }
            for (const Road& road : roads[town]) {
                reached_with[paid + road.toll].push_back(road.to);
            }
        }
    }
    return 1;
}
