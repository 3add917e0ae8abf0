// Corners cut the wall into few strips and boxes; a box is covered or not as a whole.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> x1(n), y1(n), x2(n), y2(n), xs, ys;
    for (int i = 0; i < n; i++) {
        std::cin >> x1[i] >> y1[i] >> x2[i] >> y2[i];
        xs.insert(xs.end(), {x1[i], x2[i]});
        ys.insert(ys.end(), {y1[i], y2[i]});
    }
    std::sort(xs.begin(), xs.end());
    std::sort(ys.begin(), ys.end());
    int area = 0;
    for (std::size_t i = 1; i < xs.size(); i++) {
        for (std::size_t j = 1; j < ys.size(); j++) {
            int box = (xs[i] - xs[i - 1]) * (ys[j] - ys[j - 1]);
            if (box == 0) continue;
            for (int k = 0; k < n; k++) {
                if (x1[k] < xs[i] && xs[i] <= x2[k] && y1[k] < ys[j] && ys[j] <= y2[k]) {
                    area += box;
                    break;
                }
            }
        }
    }
    std::cout << area << "\n";
}
