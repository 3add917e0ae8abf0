// A longer stretch can only hold more, so bisect on the length and slide a stretch of it along.
#include <iostream>
#include <vector>

int main() {
    int n, goal;
    std::cin >> n >> goal;
    std::vector<int> values(n);
    for (int& value : values) std::cin >> value;
    auto enough = [&](int length) {
        int total = 0;
        for (int i = 0; i < n; ++i) {
            total += values[i];
            if (i >= length) total -= values[i - length];
            if (i >= length - 1 && total >= goal) return true;
        }
        return false;
    };
    int low = 1, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (enough(middle))
            high = middle;
        else
            low = middle + 1;
    }
    std::cout << low << "\n";
}
