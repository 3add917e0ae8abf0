// Waves: in each round every lamp looks at what it is wired to; a lamp only depends on earlier
// ones, so nothing changes any more after n rounds.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::string switches;
    std::cin >> n >> switches;
    std::vector<char> letter(n);
    std::vector<int> x(n), y(n);
    for (int i = 0; i < n; i++) {
        std::cin >> letter[i] >> x[i] >> y[i];
        x[i]--, y[i]--;
    }
    std::string state = switches + std::string(n, '0');
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = n - 1; i >= 0; i--) {
            bool a = state[x[i]] == '1', b = state[y[i]] == '1';
            bool lit = letter[i] == 'A' ? a && b : letter[i] == 'O' ? a || b : a != b;
            if (lit != (state[i + 3] == '1')) {
                state[i + 3] = lit ? '1' : '0';
                changed = true;
            }
        }
    }
    std::cout << state.substr(3) << "\n";
}
