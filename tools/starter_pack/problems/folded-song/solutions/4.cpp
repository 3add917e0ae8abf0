// A stack of texts: a closing bracket puts the text above it, repeated, onto the one below.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int place;
    std::string song;
    std::cin >> place >> song;
    std::vector<std::string> texts(1);
    std::vector<int> times;
    for (char sign : song) {
        if (sign >= '2' && sign <= '9') {
            times.push_back(sign - '0');
        } else if (sign == '(') {
            texts.emplace_back();
        } else if (sign == ')') {
            std::string inner = texts.back();
            texts.pop_back();
            for (int i = 0; i < times.back(); i++) texts.back() += inner;
            times.pop_back();
        } else {
            texts.back() += sign;
        }
    }
    std::cout << texts[0].substr(place - 1, 7) << "\n";
}
