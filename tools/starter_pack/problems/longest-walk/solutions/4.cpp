// Every pair of huts by itself: walk up from the one with the larger number until both meet.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> above(n, -1), length(n, 0);
    for (int i = 1; i < n; i++) {
        std::cin >> above[i];
        above[i]--;
    }
    for (int i = 1; i < n; i++) std::cin >> length[i];
    int best = 0;
    for (int a = 0; a < n; a++) {
        for (int b = 0; b < a; b++) {
            int walked = 0, x = a, y = b;
            while (x != y) {  // the later hut is never above the other one
                int& later = x > y ? x : y;
                walked += length[later];
                later = above[later];
            }
            best = std::max(best, walked);
        }
    }
    std::cout << best << "\n";
}
