//! English: classes of words.

use super::lexicon::Class;

/// Words by class, in lower case.
pub(super) const CLASSES: &[(Class, &str)] = &[
    (
        Class::Function,
        "the a an i you he she it we they me my your his her our their and or but if because so that this these those is am \
         are was were be been being have has had do does did not n't no yes to of in on at for from with about into by as \
         'm 're 've 'll 'd 's what who when where why how which can could will would should may might must there here \
         just also very too than then some any all im",
    ),
    (Class::Speaker, "i"),
    (Class::Us, "we"),
    (Class::Addressee, "you"),
    (Class::Third, "he she"),
    (Class::Feminine, "she"),
    (Class::Article, "a an some"),
    (Class::Definite, "the"),
    (Class::My, "my our"),
    (Class::Your, "your"),
    (Class::Pointing, "his her its their this that these those whose such another other both either neither"),
    (
        Class::Stop,
        "but because cause cuz cos coz since when while if that which who whom whose so as than until till before after though \
         although unless whereas where why how or nor is are was were am be been will would can could should has had did \
         does do 's 're 'll 've 'd n't not via like during without per then although despite instead whenever wherever lol haha",
    ),
    (
        Class::Boundary,
        "but because cause cuz since when while where so that although though unless whereas then however yeah yes yep no \
         nope ok okay well oh hi hey hello thanks lol haha btw fyi plus or which who anyway btw hmm wow also actually \
         currently now today think guess suppose heard reckon sadly luckily unfortunately fortunately honestly",
    ),
    (
        Class::Inverts,
        "do does did am is are was were have has had can could will would should may might must shall ca wo don what which \
         who whom whose how why where when than like as if whether any anyone anybody someone whatever n't",
    ),
    (
        Class::Preposition,
        "in on at for from with without about into by of to under over near around between through against during within \
         behind beside off onto upon via along across inside outside towards toward like",
    ),
    (
        Class::Adverb,
        "just also still really actually now currently presently very so too quite pretty rather often usually \
         recently regularly finally truly totally absolutely definitely certainly simply only even all already moreso once again \
         personally honestly officially originally basically mostly mainly generally sometimes especially kinda super \
         extremely incredibly deeply firmly strongly first then proudly temporarily permanently secretly lately \
         happily gladly back successfully feeling",
    ),
    (Class::Hedge, "maybe perhaps probably possibly apparently supposedly allegedly presumably seemingly"),
    (
        Class::Unreal,
        "if unless whether wish imagine suppose supposing pretend assuming hypothetically otherwise dreamed dreamt dream pretended",
    ),
    (
        Class::Trailing,
        "too now here there today though anymore already lately recently currently myself though either again earlier also so much \
         very lot alot lots sometimes usually always instead yet well right ok okay please haha lol soon someday asap \
         together especially really actually then these days days though forever still especially best most more btw first particular general",
    ),
    (Class::Fluency, "little fluent basic decent conversational broken bit of native some good perfect bad"),
    (Class::Anymore, "anymore longer"),
    (Class::When, "when whenever once while until till before after everytime"),
    (Class::Restricts, "that who which whose where what how than whom why"),
    (Class::For, "for"),
    (Class::Named, "named called"),
    (
        Class::Pronoun,
        "i me you he him she it they them we us mine yours hers ours theirs itself himself herself themselves yourself \
         something anything nothing everything someone anyone everyone nobody everybody somebody anybody one ones this \
         these those what whatever whichever it's thing things stuff your his her their its myself ourselves em 'em opinion sth smth somth something's",
    ),
    (
        Class::Vague,
        "it that this these those them him her me you us what how when where why who which one ones some something anything \
         everything nothing someone anyone everyone nobody all any both each few many more most much lot lots bit kind sort \
         way ways thing things stuff idea ideas fact point part question questions problem problems issue issues error \
         errors matter case sense look sound feel sight rest same such other another to be being not no when hearing seeing \
         how good bad great nice better best real new big huge old total complete older newer bigger sure fan guy person people man \
         one-time someone's there here so",
    ),
    (
        Class::VagueVerb,
        "know ask see be have get do make try use run say tell thank go come look find keep let put take give want need help \
         check show add set change figure think talk hear point mention start stop leave stay wait post read understand \
         believe feel sound seem miss mean happen work turn remove delete open close edit type click fix test share hit call \
         update boot reboot install reinstall mount compile configure download upgrade enable disable copy burn \
         execute restart load access connect log switch print format upload save paste grab apt-get sudo \
         die kill end hope like love apologize clarify emphasize point step catch continue bring end always just doing having being getting using trying work bed school sleep \
         church town class hang head duck setup set-up obtain",
    ),
    (
        Class::Instrument,
        "guitar piano violin cello drums bass flute clarinet saxophone trumpet ukulele keyboard harp banjo accordion organ \
         trombone viola mandolin harmonica",
    ),
    (
        Class::Sport,
        "football soccer basketball baseball tennis badminton volleyball hockey golf chess rugby cricket poker squash lacrosse \
         softball handball ping-pong pingpong bridge checkers",
    ),
    (Class::And, "and &"),
    (
        Class::Gathering,
        "conference workshop meeting group class course concert festival parade party wedding fair convention show exhibition \
         exhibit retreat seminar lecture talk gala tournament competition event reading meetup camp ceremony protest rally club \
         team band choir orchestra gym program programme league society association community circle contest race marathon \
         hackathon reunion funeral play opera ballet webinar bootcamp",
    ),
    (Class::Or, "or"),
    (Class::But, "but however"),
    (
        Class::Says,
        "says said say told tells mentioned mentions claims claimed thinks thought believes reckons swears writes wrote",
    ),
    (Class::That, "that"),
    (Class::Tag, "right ok okay no yeah yes correct huh eh isn't don't aren't isnt innit"),
    (Class::Greeting, "hi hello hey dear thanks morning welcome bye congrats congratulations thank sorry"),
    (Class::Title, "mr mrs ms dr prof professor miss sir uncle aunt"),
    (
        Class::Abbreviation,
        "mr mrs ms dr prof st vs etc e.g i.e jr sr approx inc ltd co corp u.s u.k dept est fig jan feb mar apr jun jul aug \
         sep sept oct nov dec mt ft sgt capt rev gen",
    ),
    (
        Class::Kindred,
        "best older younger little big elder dear good close twin eldest youngest oldest new old great lovely wonderful sweet \
         amazing beloved oldest longtime current beautiful only awesome cool nice fun",
    ),
    (
        Class::Pet,
        "dog dogs cat cats puppy puppies kitten kittens hamster hamsters parrot parrots rabbit rabbits bunny horse horses pony \
         turtle turtles tortoise goldfish budgie canary ferret snake lizard gecko iguana labrador poodle beagle chihuahua \
         spaniel corgi dachshund terrier husky retriever shepherd guinea-pig guineapig hedgehog tarantula pup doggo",
    ),
    (
        Class::Ownable,
        "car cars bike bicycle motorcycle motorbike scooter house apartment flat condo cottage boat yacht van truck laptop \
         notebook thinkpad macbook ipod iphone phone tablet camera guitar piano violin cello drums \
         telescope garden farm restaurant store shop business company studio cabin tent kayak canoe surfboard skateboard \
         powerbook ibook printer scanner tv projector synthesizer saxophone clarinet trumpet flute ukulele bakery cafe \
         café startup gallery drone headphones handbag backpack watch smartwatch fitbit lens \
         binoculars smoker grill rug sofa couch mattress tv monitor jacket necklace sewing-machine hearing-aids motorhome trailer \
         caravan treadmill microscope turntable console playstation xbox kindle ipad imac chromebook raspberry tesla toyota honda ford",
    ),
    (
        Class::Workplace,
        "bank hospital school university college company startup start-up restaurant café cafe library bakery clinic firm \
         agency studio museum gallery store shop hotel factory lab laboratory newspaper magazine bookstore pharmacy nonprofit \
         charity shelter gym airport bar pub supermarket farm garage salon consultancy ngo kindergarten daycare theatre \
         theater publisher brewery winery zoo church airline",
    ),
    (
        Class::Role,
        "engineer developer programmer teacher nurse doctor lawyer student designer artist writer journalist photographer \
         musician singer actor actress painter chef cook baker barista waiter waitress manager accountant architect scientist \
         researcher professor lecturer consultant analyst librarian therapist psychologist psychiatrist counselor counsellor \
         dentist surgeon vet veterinarian pharmacist pilot electrician plumber carpenter mechanic farmer gardener \
         firefighter soldier officer policeman translator interpreter editor author poet dancer choreographer composer \
         pianist guitarist violinist drummer coach trainer instructor tutor principal director producer filmmaker screenwriter \
         entrepreneur administrator sysadmin technician biologist chemist physicist mathematician economist historian \
         philosopher linguist statistician geologist astronomer social-worker paramedic midwife secretary receptionist \
         cashier salesman salesperson realtor banker broker trader marketer recruiter intern apprentice freelancer \
         volunteer caregiver nanny babysitter housewife stylist hairdresser barber tailor jeweler blogger streamer youtuber \
         gamer athlete swimmer runner cyclist vegetarian vegan postdoc undergrad undergraduate sophomore",
    ),
    (
        Class::Feeling,
        "happy sad angry anxious nervous excited thrilled proud grateful thankful lonely depressed stressed overwhelmed \
         exhausted worried scared upset frustrated disappointed embarrassed ashamed jealous relieved hopeful optimistic \
         pessimistic content calm relaxed inspired motivated homesick heartbroken devastated miserable furious annoyed \
         confident insecure guilty bored joyful delighted ecstatic stoked pumped hurt empowered fulfilled accepted blessed \
         discouraged drained nostalgic panicked terrified unhappy",
    ),
    (
        Class::Language,
        "english spanish french german italian portuguese polish russian dutch swedish norwegian danish finnish greek turkish \
         arabic hebrew hindi urdu bengali mandarin cantonese chinese japanese korean vietnamese thai ukrainian czech slovak \
         hungarian romanian bulgarian croatian serbian catalan basque galician welsh irish latin esperanto farsi persian \
         swahili tagalog indonesian malay tamil punjabi afrikaans icelandic estonian latvian lithuanian",
    ),
    (
        Class::NoName,
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september \
         october november december i ok okay lol btw imo imho iirc afaik thanks hi hello hey yes no yeah wow omg christmas \
         easter halloween thanksgiving god jesus tv pc cd dvd usb dr mr mrs ms internet note edit ps update q a re fw guys folks everyone everybody all there team man dude sir",
    ),
];

/// Words of kin and company, by predicate.
pub(super) const RELATIONS: &[(&str, &str)] = &[
    ("sister", "sister sis"),
    ("brother", "brother bro"),
    ("mother", "mother mom mum mama mommy mummy"),
    ("father", "father dad daddy papa"),
    ("son", "son"),
    ("daughter", "daughter"),
    ("child", "child kid"),
    ("cousin", "cousin"),
    ("partner", "partner wife husband girlfriend boyfriend fiancé fiancée fiance fiancee spouse gf bf hubby"),
    ("friend", "friend buddy pal bestie bff"),
    ("colleague", "colleague coworker co-worker workmate teammate"),
    ("boss", "boss supervisor manager"),
    ("grandparent", "grandma grandmother grandpa grandfather granny grandad granddad"),
    ("uncle", "uncle"),
    ("aunt", "aunt auntie"),
    ("nephew", "nephew"),
    ("niece", "niece"),
    ("neighbour", "neighbour neighbor"),
    ("roommate", "roommate flatmate housemate"),
    ("sister_in_law", "sister-in-law"),
    ("brother_in_law", "brother-in-law"),
    ("mother_in_law", "mother-in-law"),
    ("father_in_law", "father-in-law"),
    ("mentor", "mentor"),
];
