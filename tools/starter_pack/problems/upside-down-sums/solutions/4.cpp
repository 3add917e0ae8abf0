// One look at each sign; an open bracket is a frame on a stack.
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string text;
    std::cin >> text;
    // a frame is the product of its finished factors, and the sum of the factor at work
    std::vector<std::pair<int, int>> frames(1, {1, 0});
    for (char sign : text) {
        if (sign == '(') {
            frames.push_back({1, 0});
        } else if (sign == '*') {
            frames.back() = {frames.back().first * frames.back().second % 997, 0};
        } else if (sign != '+') {
            int value = sign - '0';
            if (sign == ')') {
                value = frames.back().first * frames.back().second % 997;
                frames.pop_back();
            }
            frames.back().second = (frames.back().second + value) % 997;
        }
    }
    std::cout << frames[0].first * frames[0].second % 997 << "\n";
}
