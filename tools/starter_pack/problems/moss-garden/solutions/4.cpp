// Asks for a day by asking for the three days before it, and keeps what is known.
#include <iostream>
#include <vector>

std::vector<int> known;
int p, q, r;

int stones(int day) {
    if (known[day] < 0) {
        known[day] = (p * stones(day - 1) + q * stones(day - 2) + r * stones(day - 3)) % 97;
    }
    return known[day];
}

int main() {
    int n;
    std::cin >> n;
    known.assign(n + 1, -1);
    std::cin >> known[1] >> known[2] >> known[3] >> p >> q >> r;
    std::cout << stones(n) << "\n";
}
