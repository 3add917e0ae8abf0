// Count grid points: twice the area is twice the points inside, plus those on the border, minus 2.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> x(n), y(n);
    for (int i = 0; i < n; ++i) std::cin >> x[i] >> y[i];
    int on_border = 0, inside = 0;
    for (int i = 0, j = n - 1; i < n; j = i++)
        on_border += std::gcd(std::abs(x[i] - x[j]), std::abs(y[i] - y[j]));
    for (int px = 0; px <= 40; ++px) {
        for (int py = 0; py <= 40; ++py) {
            bool odd = false, border = false;
            for (int i = 0, j = n - 1; i < n; j = i++) {
                // on which side of the piece of border from j to i, taken upwards, the point lies
                int side = (x[i] - x[j]) * (py - y[j]) - (px - x[j]) * (y[i] - y[j]);
                bool in_x = std::min(x[i], x[j]) <= px && px <= std::max(x[i], x[j]);
                bool in_y = std::min(y[i], y[j]) <= py && py <= std::max(y[i], y[j]);
                if (side == 0 && in_x && in_y) border = true;
                if ((y[i] > py) != (y[j] > py)) {
                    bool upwards = y[i] > y[j];
                    if (upwards ? side > 0 : side < 0) odd = !odd;
                }
            }
            if (odd && !border) ++inside;
        }
    }
    std::cout << 2 * inside + on_border - 2 << "\n";
}
