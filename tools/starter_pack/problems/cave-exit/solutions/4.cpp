// Go for the exit first: the square with the least steps so far plus the distance as the crow
// walks is looked at next.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::string> grid(n);
    int start_row = 0, start_column = 0, end_row = 0, end_column = 0;
    for (int r = 0; r < n; r++) {
        std::cin >> grid[r];
        for (int c = 0; c < m; c++) {
            if (grid[r][c] == 's') start_row = r, start_column = c;
            if (grid[r][c] == 'e') end_row = r, end_column = c;
        }
    }
    using Entry = std::tuple<int, int, int, int>;  // estimate, steps, row, column
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
    auto enter = [&](int steps, int r, int c) {
        if (r < 0 || r >= n || c < 0 || c >= m || grid[r][c] == 'r') return;
        queue.push({steps + std::abs(r - end_row) + std::abs(c - end_column), steps, r, c});
    };
    enter(0, start_row, start_column);
    while (!queue.empty()) {
        auto [estimate, steps, r, c] = queue.top();
        queue.pop();
        if (r == end_row && c == end_column) {
            std::cout << steps << "\n";
            return 0;
        }
        if (grid[r][c] == 'r') continue;
        grid[r][c] = 'r';
        enter(steps + 1, r + 1, c);
        enter(steps + 1, r - 1, c);
        enter(steps + 1, r, c + 1);
        enter(steps + 1, r, c - 1);
    }
    return 1;
}
