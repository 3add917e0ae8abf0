// Second by second, asking every lighthouse.
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> period(n), first(n);
    for (int i = 0; i < n; i++) std::cin >> period[i] >> first[i];
    for (int second = 0;; second++) {
        bool all = true;
        for (int i = 0; i < n && all; i++) all = second % period[i] == first[i];
        if (all) {
            std::cout << second << "\n";
            return 0;
        }
    }
}
