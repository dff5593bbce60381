//! Names that every language shares: given names, places, organisations, products. Short on purpose: a cue ("my friend
//! …", "moved to …") does what no list can.

use super::lexicon::Class;

/// Words by class, in lower case.
pub(super) const CLASSES: &[(Class, &str)] = &[
    (
        Class::Given,
        "aaron abby abigail adam adele adrian agnes ahmed aisha alan albert alejandro alex alexander alexandra alfred ali \
         alice alicia alina alison allison amanda amelia amina amir amy ana anastasia andrea andreas andrew andy angela \
         anita anja anna anne annie anthony anton antonio arjun arthur astrid audrey barbara beatrice beatriz becky ben \
         benjamin bernard beth betty bianca björn bob boris brandon brenda brian bridget bruno caleb cameron camila carl \
         carla carlos carmen carol carolina caroline carolyn catherine cecilia charles charlie charlotte chen chloe chris \
         christian christina christine christopher claire clara claudia connor craig cynthia daniel daniela danny david \
         deborah deepak dennis derek diana diego dimitri dmitri donald donna dorothy doug douglas dylan eddie edgar edith \
         eduardo edward elena eleanor eli elias elijah elizabeth ella ellen emil emilia emily emma enrique eric erica erik \
         erin ernest esther ethan eugene eva evan eve evelyn fatima felipe felix fernando fiona florian frances francesca \
         francisco frank franz fred frederick friedrich gabriel gabriela gary george gerald gina giovanni giulia gloria \
         gordon greg gregory greta guillermo gustav hannah hans harold harriet harry hassan hector heidi helen helena henrik \
         henry hiroshi howard hugo ian ibrahim igor ines ingrid irene irina isaac isabel isabella ivan jack jackie jacob \
         jake james jamie jan jane janet jared jasmine jason javier jean jeff jeffrey jennifer jenny jeremy jerry jesse \
         jessica jill jim jimmy joan joanna joanne joe joel johan johannes john johnny jon jonas jonathan jordan jorge jose \
         josé josef joseph josh joshua joyce juan juana judith judy julia julian juliana julie julio jun justin kamal karen \
         karin karl kate katherine kathleen kathy katie katrina keith kelly ken kenji kenneth kevin kim klaus kurt kyle lara \
         larry lars laura lauren laurent leah lena leo leon leonard leonardo lewis liam lina linda lindsay lisa lorenzo lori \
         louis louise luca lucas lucia lucía lucy luigi luis luke lukas magda maggie manuel marc marcel marcia marco marcos \
         marcus margaret maria mariana marie marina mario marion marisa markus marta martha martin martina mary mateo matt \
         matteo matthew max maya megan mehmet mei melanie melissa mia michael michal michelle miguel mike mila milan milena \
         miranda miriam mohamed mohammed molly monica monika morgan muhammad mustafa nadia nancy naomi natalia natalie \
         natasha nate nathan neil nick nicholas nicola nicolas nicole nigel nikolai nina noah nora norman olaf oleg olga \
         oliver olivia omar oscar otto owen pablo pamela paola patricia patrick paul paula paulo pavel pedro peggy penny \
         peter petra phil philip philippe pierre piotr priya rachel rafael rahul raj ralph ramon raúl raymond rebecca \
         renata rené ricardo richard rick rita rob robert roberto robin rodrigo roger roland roman ron ronald rosa rosie \
         roxana roy ruben russell ruth ryan sabine sally sam samantha samira samuel sandra sandy sanjay sara sarah scott \
         sean sebastian sergei sergio shannon sharon sheila shirley silvia simon simone sofia sofía sonia sophia sophie \
         stefan stefano stella stephanie stephen steve steven stuart sue susan susanne suzanne sven svetlana sylvia tamara \
         tanya tara tatiana ted teresa teresa thelma theo theresa thomas tiffany tim timothy tina tobias todd tom tomás \
         tommy tony tracy travis trevor tyler ulrich ursula valentina valeria vanessa vera veronica victor victoria vikram \
         vincent viktor vladimir walter wanda wei wendy werner wesley william willy wolfgang xavier yan yasmin yolanda yuki \
         yusuf yvonne zachary zoe zofia",
    ),
    (
        Class::Place,
        "amsterdam ankara athens atlanta auckland austin baghdad baltimore bangalore bangkok barcelona basel beijing beirut \
         belfast belgrade berlin bern bilbao birmingham bogota bogotá bologna bonn bordeaux boston bratislava brisbane \
         bristol brooklyn brussels bucharest budapest cairo calcutta calgary cambridge canberra caracas cardiff chennai \
         chicago cleveland cologne copenhagen cracow dallas damascus delhi denver detroit dubai dublin durban düsseldorf \
         edinburgh florence frankfurt gdansk geneva genoa ghent glasgow gothenburg granada graz guadalajara hamburg hanoi \
         hanover havana heidelberg helsinki houston istanbul jakarta jerusalem johannesburg karachi kiev kyiv kraków krakow \
         kyoto lagos lausanne leeds leipzig liege lima lisbon liverpool ljubljana lodz london lyon madrid malaga málaga \
         manchester manhattan manila marseille melbourne memphis miami milan milwaukee minneapolis montevideo montpellier \
         montreal moscow mumbai munich nairobi naples nashville nottingham nuremberg odessa oslo osaka ottawa oxford \
         palermo paris perth philadelphia phoenix pittsburgh porto portland prague quito reykjavik riga rome rotterdam \
         salzburg santiago sarajevo seattle seoul seville sevilla shanghai sheffield singapore sofia stockholm strasbourg \
         stuttgart sydney taipei tallinn tampa tampere tbilisi tehran tijuana tokyo toronto toulouse trieste tunis turin \
         utrecht valencia vancouver venice vienna vilnius warsaw wellington wroclaw zagreb zaragoza zurich zürich münchen \
         köln londres roma lisboa parís praga viena varsovia moscú berlín múnich hamburgo ginebra bruselas \
         afghanistan albania algeria argentina armenia australia austria azerbaijan bangladesh belarus belgium bolivia \
         bosnia brazil bulgaria cambodia canada chile china colombia croatia cuba cyprus czechia denmark ecuador egypt \
         england estonia ethiopia finland france georgia germany ghana greece guatemala honduras hungary iceland india \
         indonesia iran iraq ireland israel italy jamaica japan jordan kazakhstan kenya korea kosovo kuwait latvia lebanon \
         libya lithuania luxembourg macedonia malaysia malta mexico moldova mongolia montenegro morocco nepal netherlands \
         nicaragua nigeria norway pakistan panama paraguay peru philippines poland portugal romania russia scotland senegal \
         serbia slovakia slovenia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey uganda \
         ukraine uruguay uzbekistan venezuela vietnam wales yemen zimbabwe usa uk \
         españa francia alemania italia inglaterra suiza suecia noruega brasil méxico perú japón rusia grecia polonia \
         alabama alaska alberta arizona arkansas california catalonia colorado connecticut delaware florida hawaii idaho \
         illinois indiana iowa kansas kentucky louisiana maine manitoba maryland massachusetts michigan minnesota \
         mississippi missouri montana nebraska nevada ohio oklahoma ontario oregon pennsylvania quebec queensland bavaria \
         saxony tasmania tennessee texas tuscany utah vermont virginia wisconsin wyoming \
         york jersey zealand orleans francisco angeles vegas diego antonio jose francisco hampshire mexico africa lanka \
         rica salvador arabia kong petersburg louis paulo janeiro aires domingo juan",
    ),
    (
        Class::PlaceHead,
        "new san santa los las saint st. st south north east west costa saudi hong sri el sao são rio buenos lake mount \
         nueva santo puerto",
    ),
    (
        Class::Organisation,
        "google microsoft ibm apple amazon facebook netflix intel nvidia oracle siemens bosch samsung sony nokia ericsson \
         canonical redhat novell mozilla spotify uber airbnb deloitte accenture ikea volkswagen bmw toyota honda tesla \
         boeing airbus nasa cern unicef unesco bbc cnn mit harvard stanford yale telefónica santander zara inditex mercadona",
    ),
    (
        Class::Incorporated,
        "inc inc. ltd ltd. llc gmbh corp corp. corporation university college hospital school bank foundation labs \
         technologies institute association airlines s.a.",
    ),
    (Class::Institute, "university universidad institute instituto ministry ministerio bank banco hospital college"),
    (
        Class::Product,
        "ubuntu kubuntu xubuntu edubuntu lubuntu debian fedora gentoo slackware suse opensuse mandrake mandriva knoppix mint \
         arch archlinux centos freebsd openbsd netbsd solaris linux windows xp vista macos osx android ios chromeos warty \
         hoary breezy dapper edgy feisty gutsy hardy intrepid jaunty karmic lucid maverick natty oneiric precise quantal \
         raring saucy trusty utopic xenial \
         gnome kde xfce xfce4 fluxbox openbox enlightenment unity compiz beryl xorg wine grub lilo apt aptitude synaptic \
         firefox mozilla opera chrome chromium konqueror epiphany thunderbird evolution kmail mutt pine outlook gmail \
         vim emacs nano gedit kate eclipse netbeans bash zsh fish python perl ruby php java rust haskell apache mysql \
         postgresql postgres sqlite samba nfs cups xmms amarok rhythmbox banshee mplayer vlc totem xine kaffeine gaim pidgin \
         xchat irssi weechat kopete skype bitchx k3b gimp inkscape blender openoffice libreoffice abiword vmware virtualbox \
         qemu docker git svn subversion irc freenode slack discord telegram whatsapp signal zoom notion obsidian photoshop excel word \
         dvorak qwerty nvidia ati radeon geforce iphone ipad macbook thinkpad playstation xbox nintendo kindle",
    ),
    (Class::Joins, "of de da do dos del van von der la le du y & for"),
];
