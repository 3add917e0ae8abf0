// A tree of letters: every snippet is a way down from its root, every node one snippet.
#include <array>
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::string tape;
    std::cin >> n >> tape;
    std::vector<std::array<int, 3>> below(1, {0, 0, 0});
    for (int i = 0; i < n; i++) {
        int node = 0;
        for (int j = i; j < n; j++) {
            int letter = tape[j] - 'a';
            if (below[node][letter] == 0) {
                below[node][letter] = static_cast<int>(below.size());
                below.push_back({0, 0, 0});
            }
            node = below[node][letter];
        }
    }
    std::cout << below.size() - 1 << "\n";
}
