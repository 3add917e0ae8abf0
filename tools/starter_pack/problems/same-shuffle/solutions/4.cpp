// Follow each card alone; when it is back at its first place, whole rounds are left out.
#include <iostream>
#include <vector>

int main() {
    int n, times;
    std::cin >> n >> times;
    std::vector<int> moves(n + 1), final(n + 1);
    for (int i = 1; i <= n; i++) std::cin >> moves[i];
    for (int card = 1; card <= n; card++) {
        int place = card;
        for (int done = 1; done <= times; done++) {
            place = moves[place];
            if (place == card) done += (times - done) / done * done;
        }
        final[place] = card;
    }
    for (int i = 1; i <= n; i++) std::cout << final[i] << (i < n ? " " : "\n");
}
