// The heaviest load between all pairs of towns, with more and more towns allowed on the way.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> load(n + 1, std::vector<int>(n + 1, 0));
    for (int i = 0; i < m; i++) {
        int x, y, w;
        std::cin >> x >> y >> w;
        load[x][y] = load[y][x] = std::max(load[x][y], w);
    }
    for (int over = 1; over <= n; over++) {
        for (int x = 1; x <= n; x++) {
            for (int y = 1; y <= n; y++) {
                load[x][y] = std::max(load[x][y], std::min(load[x][over], load[over][y]));
            }
        }
    }
    std::cout << load[1][n] << "\n";
}
