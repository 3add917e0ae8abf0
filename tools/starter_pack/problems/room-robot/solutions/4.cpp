// A whole stretch of equal commands at once, cut off at the wall.
#include <algorithm>
#include <iostream>
#include <string>

int main() {
    int n, x, y;
    std::string moves;
    std::cin >> n >> x >> y >> moves;
    for (int i = 0; i < n;) {
        int j = i;
        while (j < n && moves[j] == moves[i]) ++j;
        int steps = j - i;
        switch (moves[i]) {
            case 'N': y = std::min(9, y + steps); break;
            case 'S': y = std::max(0, y - steps); break;
            case 'E': x = std::min(9, x + steps); break;
            case 'W': x = std::max(0, x - steps); break;
        }
        i = j;
    }
    std::cout << x << " " << y << "\n";
}
