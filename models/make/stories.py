"""Generates the training text of the model that ships: short, coherent stories with the request that asks for each.

    python3 stories.py --count 5 --seed 1        prints five samples

Everything is drawn from one seeded generator, so the same seed gives the same text on every machine. A story is planned
first (hero, friend, place, wish, trouble, helper, lesson) and told from that plan, so names, pronouns and things stay the
same from the first sentence to the last.
"""

import argparse
import random

HEROES = {
    "fox": ("red", "clever", "den"), "rabbit": ("white", "shy", "burrow"), "bear": ("brown", "strong", "cave"),
    "mouse": ("tiny", "brave", "hole"), "owl": ("old", "wise", "tree"), "cat": ("grey", "curious", "house"),
    "dog": ("big", "loyal", "yard"), "duck": ("yellow", "cheerful", "pond"), "frog": ("green", "noisy", "pond"),
    "squirrel": ("quick", "busy", "tree"), "hedgehog": ("small", "careful", "garden"), "turtle": ("slow", "patient", "river"),
    "robot": ("shiny", "helpful", "workshop"), "dragon": ("little", "gentle", "mountain"), "girl": ("kind", "happy", "village"),
    "boy": ("young", "bold", "village"),
}
NAMES = {
    "she": ["Lily", "Mia", "Anna", "Ruby", "Nora", "Ella", "Rosa", "Ivy", "Zoe", "Clara"],
    "he": ["Tom", "Ben", "Max", "Leo", "Sam", "Finn", "Jack", "Otto", "Hugo", "Paul"],
}
THINGS = {
    "kite": "fly it", "lantern": "light it", "drum": "play it", "boat": "sail it", "hat": "wear it", "ball": "throw it",
    "book": "read it", "cake": "share it", "flower": "smell it", "key": "use it", "map": "follow it", "bell": "ring it",
    "shell": "listen to it", "scarf": "wear it", "star": "look at it", "apple": "taste it",
}
COLORS = ["red", "blue", "green", "golden", "silver", "yellow", "purple", "orange"]
PLACES = {
    "forest": "under the tall trees", "garden": "among the flowers", "beach": "on the warm sand", "hill": "on the soft grass",
    "river": "beside the cold water", "market": "between the bright stalls", "meadow": "in the long grass",
    "mountain": "on the rocky path", "park": "near the old bench", "lake": "by the still water",
}
WEATHER = {
    "sunny": "The sun was warm and the sky was blue.", "rainy": "Rain fell softly on the leaves.",
    "windy": "The wind was strong and the clouds were fast.", "snowy": "Snow lay on the ground like a white blanket.",
    "foggy": "A grey fog hid the path.", "bright": "The morning was bright and clear.",
}
FEELINGS = ["sad", "worried", "afraid", "lonely", "upset"]
LESSONS = {
    "share": "Good things are better when you share them.", "help": "A friend who helps is worth more than gold.",
    "try": "If you try again, you can do hard things.", "truth": "It is always good to tell the truth.",
    "kind": "Being kind makes everyone happy.", "wait": "Good things come to those who wait.",
    "listen": "It is wise to listen before you act.", "brave": "You can be brave even when you are afraid.",
}
# What can happen, and what may be learned from it.
PLOTS = {
    "lost": ["help", "try"], "broken": ["help", "try", "wait"], "found": ["truth", "kind"], "storm": ["help", "listen"],
    "race": ["kind", "share"], "gift": ["kind", "share"], "dark": ["brave", "help"], "hungry": ["share", "kind"],
}
OBJ = {"she": "her", "he": "him"}
POSS = {"she": "her", "he": "his"}


def a(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


class Story:
    """One plan, told once. Every choice is made through self.r, so a seed fixes the whole story."""

    def __init__(self, r):
        self.r = r
        self.kind, self.other = r.sample(list(HEROES), 2)
        self.he = "she" if self.kind == "girl" else "he" if self.kind == "boy" else r.choice(["she", "he"])
        self.fhe = "she" if self.other == "girl" else "he" if self.other == "boy" else r.choice(["she", "he"])
        self.name = r.choice(NAMES[self.he])
        self.friend = r.choice([n for n in NAMES[self.fhe] if n != self.name])
        self.thing = r.choice(list(THINGS))
        self.color = r.choice(COLORS)
        self.place = r.choice(list(PLACES))
        self.weather = r.choice(list(WEATHER))
        self.feeling = r.choice(FEELINGS)
        self.plot = r.choice(list(PLOTS))
        self.lesson = r.choice(PLOTS[self.plot])

    def pick(self, *options):
        return self.r.choice(options)

    def opening(self):
        look, mood, home = HEROES[self.kind]
        place = "" if home == self.place else self.pick("", f" near the {self.place}")
        return [
            self.pick(
                f"Once upon a time, there was {a(look)} {self.kind} named {self.name}.",
                f"Once there was {a(mood)} {self.kind} called {self.name}.",
                f"In a {home}{place} lived {a(look)} {self.kind} named {self.name}.",
                f"{self.name} was {a(mood)} {self.kind} who lived in a {home}{place}."),
            self.pick(
                f"{self.name} had {a(self.color)} {self.thing} and loved to {THINGS[self.thing]}."
                if self.plot not in ("found", "gift") else f"{self.name} loved to play in the {self.place}.",
                f"Every day {self.he} went to the {self.place} to play."),
        ]

    def day(self):
        return [self.pick(f"One {self.weather} day, {self.name} went to the {self.place}.",
                          f"One {self.weather} morning, {self.name} walked to the {self.place}."),
                WEATHER[self.weather] if self.r.random() < 0.6 else
                self.pick(f"It was quiet {PLACES[self.place]}.", f"{self.he.capitalize()} sat down {PLACES[self.place]}.")]

    def middle(self):
        n, he, o, p = self.name, self.he, OBJ[self.he], POSS[self.he]
        f, fhe, k = self.friend, self.fhe, self.other
        t, c, pl = self.thing, self.color, self.place
        meet = self.pick(f"Then {a(HEROES[k][0])} {k} named {f} came by.", f"{a(HEROES[k][1]).capitalize()} {k} named {f} saw {o}.",
                         f"Soon {he} met {a(k)} named {f}.")
        feel = f"{n} felt {self.feeling}."
        help_ = self.pick(f"\"Can I help you?\" asked {f}.", f"\"What is wrong?\" asked {f}.", f"\"Do not be {self.feeling},\" said {f}.")
        if self.plot == "lost":
            return [f"But {p} {c} {t} was gone!", f"{n} looked behind every stone and could not find it.", feel, meet, help_,
                    f"\"I lost my {t},\" said {n}.", f"Together they looked all over the {pl}.",
                    self.pick(f"At last {f} saw the {t} under a bush.", f"At last {n} found the {t} {PLACES[pl]}."),
                    f"{n} was so happy that {he} gave {f} a big hug."]
        if self.plot == "broken":
            return [f"{he.capitalize()} wanted to {THINGS[t].replace(' it', ' the ' + t)}, but the {t} broke.", feel, meet, help_,
                    f"\"My {t} is broken,\" said {n}.", f"{f} had a good idea.",
                    f"They worked all day and made the {t} whole again.", f"Now the {c} {t} was even better than before."]
        if self.plot == "found":
            return [f"There {he} found {a(c)} {t}.", f"\"Whose {t} is this?\" {he} thought.", meet,
                    f"{f} was {self.feeling} because {fhe} had lost {a(t)}.",
                    self.pick(f"{n} wanted to keep it, but {he} knew that was not right.", f"{n} did not wait and told {f} the truth."),
                    f"\"Here is your {t},\" said {n}.", f"{f} smiled and thanked {o}.", f"They played with the {t} until the sun went down."]
        if self.plot == "storm":
            return ["Suddenly a big storm came.", f"The wind took the {c} {t} high into the air.", feel, meet,
                    f"\"Come with me,\" said {f}. \"My {HEROES[k][2]} is safe and dry.\"",
                    f"{n} and {f} waited inside and told each other stories.",
                    f"When the storm was over, they found the {t} near the door.", f"{n} thanked {f} for the help."]
        if self.plot == "race":
            return [meet, f"\"Let us race to the end of the {pl},\" said {f}.", f"{n} ran fast, but then {he} fell down.", feel,
                    self.pick(f"{f} stopped and helped {o} get up.", f"{f} came back and gave {o} a hand."),
                    f"\"You could have won,\" said {n}.", f"\"It is more fun to finish together,\" said {f}.",
                    f"So they walked to the end side by side and shared the {c} {t}."]
        if self.plot == "gift":
            return [f"{he.capitalize()} wanted to find a gift for {p} friend {f} the {k}.", f"{n} looked for a long time and found {a(c)} {t}.",
                    self.pick(f"{he.capitalize()} put it in a small box.", f"{he.capitalize()} carried it home with great care."),
                    f"\"Happy birthday, {f}!\" said {n}.", f"{f} opened the box and saw the {t}.",
                    f"\"This is the best gift of all,\" said {f}.", f"They went to the {pl} to {THINGS[t]} together."]
        if self.plot == "dark":
            return [f"{he.capitalize()} played so long that it became dark.", f"{n} could not see the way home and felt {self.feeling}.",
                    f"Then {he} saw a small light.", f"It was {f} the {k} with {a(c)} lantern.", help_,
                    f"\"I want to go home,\" said {n}.", f"{f} held {p} hand and showed {o} the way.",
                    f"Soon {n} was back in the {HEROES[self.kind][2]}, warm and safe."]
        return [f"{n} was hungry, but there was no food in the {pl}.", meet, f"{f} had one big cake.",
                self.pick(f"\"I will give you half,\" said {f}.", f"\"Eat with me,\" said {f}."),
                f"They ate the cake {PLACES[pl]}.", f"The next day {n} brought {f} a basket of apples.",
                f"From then on they always ate together."]

    def ending(self):
        return [self.pick(f"From that day on, {self.name} and {self.friend} were best friends.",
                          f"{self.name} went home with a smile.", f"That night {self.name} slept well and dreamed of the {self.place}."),
                self.pick(f"{self.name} learned something that day.", "And so they learned a lesson.") + " " + LESSONS[self.lesson]]

    def tell(self):
        return " ".join(self.opening() + self.day() + self.middle() + self.ending())

    def ask(self):
        who = self.pick(f"{a(self.kind)}", f"{a(self.kind)} named {self.name}", f"{a(HEROES[self.kind][1])} {self.kind}",
                        f"{a(self.kind)} and {a(self.other)}", f"{self.name} the {self.kind}")
        what = {
            "lost": f" who lost {a(self.thing)}", "broken": f" and a broken {self.thing}", "found": f" who found {a(self.thing)}",
            "storm": " in a storm", "race": " and a race", "gift": " and a gift for a friend", "dark": " who was lost in the dark",
            "hungry": " who was hungry"}[self.plot]
        where = self.pick("", "", f" at the {self.place}", f" on a {self.weather} day")
        return self.pick("Tell me a story about ", "Write a story about ", "Please tell me a short story about ", "I want a story about ",
                         "Can you tell a story about ", "Tell a tale of ") + who + self.pick("", what, what) + where + self.pick(".", "", "?", "!")

    def question(self):
        """A question about the plan and its answer, for variety beside the stories."""
        lesson = LESSONS[self.lesson]
        look, mood, home = HEROES[self.kind]
        return self.pick(
            ("Hello!", f"Hello! I can tell you a story about {a(self.kind)}."),
            ("Who are you?", "I am a small model that tells stories."),
            (f"Where does {a(self.kind)} live?", f"In my stories, {a(self.kind)} lives in a {home}."),
            (f"What can I do with {a(self.thing)}?", f"You can {THINGS[self.thing]}."),
            ("Tell me something wise.", lesson), ("What did you learn?", lesson),
            (f"What is {a(self.kind)} like?", f"In my stories, {a(self.kind)} is {look} and {mood}."))


def sample(r):
    """One (request, answer) pair."""
    story = Story(r)
    if r.random() < 0.06:
        return story.question()
    if r.random() < 0.12:
        return r.choice(["Tell me a story.", "A story, please!", "Tell me something.", "Once upon a time", "Write a story"]), story.tell()
    return story.ask(), story.tell()


def samples(seed):
    r = random.Random(seed)
    while True:
        yield sample(r)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    source = samples(options.seed)
    for _ in range(options.count):
        request, answer = next(source)
        print(f"> {request}\n{answer}\n")
