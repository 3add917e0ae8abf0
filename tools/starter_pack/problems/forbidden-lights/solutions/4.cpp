// Tries the lamps from the right to the left, for the two lamps to the right of each.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<bool>> forbidden(n + 1, std::vector<bool>(8, false));
    for (int k = 0; k < m; k++) {
        int i;
        std::string pattern;
        std::cin >> i >> pattern;
        forbidden[i][std::stoi(pattern, nullptr, 2)] = true;
    }
    std::vector<int> ways(4, 1);
    for (int lamp = n - 2; lamp >= 1; lamp--) {
        std::vector<int> more(4, 0);
        for (int three = 0; three < 8; three++) {
            if (!forbidden[lamp][three]) more[three / 2] += ways[three % 4];
        }
        for (int two = 0; two < 4; two++) ways[two] = more[two] % 997;
    }
    std::cout << (ways[0] + ways[1] + ways[2] + ways[3]) % 997 << "\n";
}
