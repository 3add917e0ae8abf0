// One number for each team, largest first.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<long long> worth(n, 0);
    const long long goal = 1, plus = 1000, point = 1000000;
    for (int i = 0; i < m; i++) {
        char one, other;
        int x, y;
        std::cin >> one >> other >> x >> y;
        worth[one - 'A'] += x * goal + (x - y) * plus + (x > y ? 3 : x == y) * point;
        worth[other - 'A'] += y * goal + (y - x) * plus + (y > x ? 3 : x == y) * point;
    }
    std::string table;
    for (int i = 0; i < n; i++) table += static_cast<char>('A' + i);
    std::stable_sort(table.begin(), table.end(),
                     [&](char a, char b) { return worth[a - 'A'] > worth[b - 'A']; });
    std::cout << table << "\n";
}
